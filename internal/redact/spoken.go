package redact

// digitWord returns the digits that an English word says, such as "4" for
// "four", "12" for "twelve" and "40" for "forty".
func digitWord(w string) (string, bool) {
	if d := unit(w); d != "" {
		return d, true
	}
	if d := teen(w); d != "" {
		return d, true
	}
	if d := tens(w); d != "" {
		return d + "0", true
	}
	return "", false
}

func unit(w string) string {
	switch w {
	case "zero", "oh", "nought", "naught":
		return "0"
	case "one":
		return "1"
	case "two":
		return "2"
	case "three":
		return "3"
	case "four":
		return "4"
	case "five":
		return "5"
	case "six":
		return "6"
	case "seven":
		return "7"
	case "eight":
		return "8"
	case "nine", "niner":
		return "9"
	default:
		return ""
	}
}

func teen(w string) string {
	switch w {
	case "ten":
		return "10"
	case "eleven":
		return "11"
	case "twelve":
		return "12"
	case "thirteen":
		return "13"
	case "fourteen":
		return "14"
	case "fifteen":
		return "15"
	case "sixteen":
		return "16"
	case "seventeen":
		return "17"
	case "eighteen":
		return "18"
	case "nineteen":
		return "19"
	default:
		return ""
	}
}

// tens returns the first digit of "twenty" to "ninety".
func tens(w string) string {
	switch w {
	case "twenty":
		return "2"
	case "thirty":
		return "3"
	case "forty", "fourty":
		return "4"
	case "fifty":
		return "5"
	case "sixty":
		return "6"
	case "seventy":
		return "7"
	case "eighty":
		return "8"
	case "ninety":
		return "9"
	default:
		return ""
	}
}

// soundsLike returns the digit that a recogniser may have misheard as the word.
func soundsLike(w string) string {
	switch w {
	case "to", "too":
		return "2"
	case "for", "fore":
		return "4"
	case "ate":
		return "8"
	case "won":
		return "1"
	case "o", "owe":
		return "0"
	case "sex", "sicks":
		return "6"
	default:
		return ""
	}
}

// repeats returns how often the digit after the word counts.
func repeats(w string) int {
	switch w {
	case "double":
		return 2
	case "triple", "treble":
		return 3
	default:
		return 0
	}
}

// isFiller says whether the word may stand between digits that belong together.
func isFiller(w string) bool {
	switch w {
	case "uh", "um", "er", "erm", "ah", "hm", "and", "dash", "hyphen", "space", "then", "sorry", "so", "yes", "ok", "okay":
		return true
	default:
		return false
	}
}

// hanDigit returns the digit that a Han character says; 洞, 拐, 勾 and 幺 are how
// numbers are read over the radio, and 两 is colloquial for two.
func hanDigit(r rune) byte {
	switch r {
	case '零', '〇', '洞':
		return '0'
	case '一', '幺', '壹':
		return '1'
	case '二', '两', '贰':
		return '2'
	case '三', '叁':
		return '3'
	case '四', '肆':
		return '4'
	case '五', '伍':
		return '5'
	case '六', '陆':
		return '6'
	case '七', '拐', '柒':
		return '7'
	case '八', '捌':
		return '8'
	case '九', '勾', '玖':
		return '9'
	default:
		return 0
	}
}

func isHanDigit(r rune) bool { return hanDigit(r) != 0 }

func isHanFiller(r rune) bool {
	switch r {
	case '嗯', '啊', '呃', '额', '哦', '杠', '空', '，', '、', '。', '…', '那', '然':
		return true
	default:
		return false
	}
}
