package redact_test

import (
	"testing"

	"earshot/internal/redact"
)

func TestText_MasksPersonalData(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"e-mail", "write to John.Doe+x@mail.example.co.uk, please", "write to [EMAIL], please"},
		{"e-mail in Chinese", "邮箱是zhang_wei@example.cn。", "邮箱是[EMAIL]。"},
		{"e-mail spoken", "it is john dot smith at gmail dot com thanks", "it is [EMAIL] thanks"},
		{"e-mail full width", "邮箱ｚｈａｎｇ＠ｅｘａｍｐｌｅ．ｃｎ", "邮箱[EMAIL]"},
		{"US phone", "call me at (415) 555-2671 today", "call me at [PHONE] today"},
		{"US phone dots", "415.555.2671", "[PHONE]"},
		{"US phone plain", "my number is 4155552671", "my number is [PHONE]"},
		{"US phone with 1", "1-800-555-0199", "[PHONE]"},
		{"local phone", "dial 555-0199 now", "dial [PHONE] now"},
		{"international", "+44 20 7946 0958 is my desk", "[PHONE] is my desk"},
		{"international 00", "0049 30 901820 bitte", "[PHONE] bitte"},
		{"UK mobile", "it's 07700 900123", "it's [PHONE]"},
		{"French", "06 12 34 56 78", "[PHONE]"},
		{"Chinese mobile", "我的手机是13812345678，谢谢", "我的手机是[PHONE]，谢谢"},
		{"Chinese mobile grouped", "138 1234 5678", "[PHONE]"},
		{"Chinese mobile with code", "+86 138-1234-5678", "[PHONE]"},
		{"Chinese mobile full width", "电话１３８１２３４５６７８", "电话[PHONE]"},
		{"Chinese landline", "打010-88886666找我", "打[PHONE]找我"},
		{"label without space", "tel13812345678", "tel[PHONE]"},
		{"word without space", "4155552671thanks", "[PHONE]thanks"},
		{"card", "4111 1111 1111 1111", "[CARD]"},
		{"card dashes", "card 4111-1111-1111-1111.", "card [CARD]."},
		{"card plain", "卡号4111111111111111", "卡号[CARD]"},
		{"card full width", "卡号４１１１ １１１１ １１１１ １１１１", "卡号[CARD]"},
		{"amex", "3782 822463 10005", "[CARD]"},
		{"card with a digit wrong", "4111 1111 1111 1112", "[CARD]"},
		{"card then expiry", "4111 1111 1111 1111 12/27", "[CARD] 12/27"},
		{"cvv", "the CVV is 123", "the CVV is [CVV]"},
		{"cvv spoken", "security code the one on the back one two three", "security code the one on the back [CVV]"},
		{"cvv Chinese", "安全码是456", "安全码是[CVV]"},
		{"verification code", "验证码 839201", "验证码 [CODE]"},
		{"pin", "my pin is 4711", "my pin is [CODE]"},
		{"iban", "DE89 3704 0044 0532 0130 00 is mine", "[IBAN] is mine"},
		{"iban and a word of four letters", "ES91 2100 0418 4502 0005 1332 from", "[IBAN] from"},
		{"iban plain", "IBAN GB29NWBK60161331926819", "IBAN [IBAN]"},
		{"resident id", "身份证11010519491231002X", "身份证[ID]"},
		{"resident id lower x", "11010519491231002x。", "[ID]。"},
		{"resident id digits", "id 440524188001010014", "id [ID]"},
		{"resident id old", "130503670401001", "[ID]"},
		{"resident id spoken", "一一零一零五一九四九一二三一零零二叉", "[ID]"},
		{"ssn", "my social is 123-45-6789", "my social is [ID]"},
		{"ipv4", "from 192.168.10.24 today", "from [IP] today"},
		{"ipv6", "host 2001:db8::8a2e:370:7334 down", "host [IP] down"},
		{"spoken card", "four one one one one one one one one one one one one one one one", "[CARD]"},
		{"spoken card with double", "it's four triple one double one double one double one double one double one double one", "it's [CARD]"},
		{"spoken card in tens", "forty one eleven eleven eleven eleven eleven eleven eleven", "[CARD]"},
		{"spoken oh", "four one five five five five oh one nine nine", "[PHONE]"},
		{"spoken with fillers", "it is five five five uh two six seven one okay", "it is [NUMBER] okay"},
		{"spoken with a misheard digit", "four one five five to five oh one nine nine", "[PHONE]"},
		{"spoken with hyphens", "five-five-five two-six-seven-one", "[NUMBER]"},
		{"spoken hundred", "one eight hundred five five five oh one nine nine", "[PHONE]"},
		{"spoken Chinese mobile", "手机号一三八一二三四五六七八", "手机号[PHONE]"},
		{"spoken Chinese radio style", "幺三八洞洞幺拐拐六六九", "[PHONE]"},
		{"spoken Chinese with pauses", "一三八，一二三四，嗯，五六七八", "[PHONE]"},
		{"spoken Chinese many of", "一三八两个八六六七七五五", "[PHONE]"},
		{"spoken Chinese card", "卡号四一一一一一一一一一一一一一一一", "卡号[CARD]"},
		{"mixed", "138一二三四5678", "[PHONE]"},
		{"long number", "account 123456789012", "account [NUMBER]"},
		{"two in one text", "a@b.co and 13812345678", "[EMAIL] and [PHONE]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, spans := redact.Text(tt.in, "")
			if got != tt.want {
				t.Fatalf("%q\n gives %q\n want  %q", tt.in, got, tt.want)
			}
			for _, s := range spans {
				if got[s.Start:s.End] != "["+s.Type+"]" {
					t.Errorf("span %v stands over %q", s, got[s.Start:s.End])
				}
			}
			if again, more := redact.Text(got, ""); again != got || len(more) != 0 {
				t.Errorf("masked again: %q", again)
			}
		})
	}
}

func TestText_LeavesWhatIsNotPersonal(t *testing.T) {
	for _, s := range []string{
		"",
		"thank you for calling how can i help",
		"您好，请问有什么可以帮您？",
		"order AB123456789CN is late", "order A-20317 and ORD-20261123001", "订单号DD2026112300012已发货", "invoice INV_1234567890",
		"session bc621b54-95d1-4597-bd59-8daa3f10cb19", "ref eaaa3559-c875-4eb5-be72-b16158a0591d",
		"it costs $12,500.00 or 1,234,567 yen", "一共12500.50元", "转账1000000元", "that is 4500000000 dollars", "¥1234567890",
		"on 2026-11-23 at 10:30:45", "23/11/2026 or 11/23/26", "2026年11月23日上午10点30分", "20261123", "from 2025-2026",
		"95.5% and 100 percent", "百分之九十五", "version 1.2.3", "3.14159 is pi",
		"in 1999 and 2024, 2025 2026 2027", "nineteen ninety twenty ten twenty twenty six",
		"two thousand five hundred thirty two dollars", "一千二百三十四万五千六百七十八元", "二零二六年十一月二十三日",
		"one two three go", "三五九号柜台", "i have one or two questions for you too", "一一说明一下", "call extension 4521",
		"the password was changed in 2024", "room 12 34 56", "12 boxes of 24 and 36 of 48",
		"two to four people for one", "meet at noon",
	} {
		if got, spans := redact.Text(s, ""); got != s || len(spans) != 0 {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestText_TakesNoEnglishForDigitsInChinese(t *testing.T) {
	const s = "a one two three to four five"
	if got, _ := redact.Text(s, "zh"); got != s {
		t.Errorf("zh: %q", got)
	}
	if got, _ := redact.Text("call one two three to four five six", "en"); got != "call [NUMBER]" {
		t.Errorf("en: %q", got)
	}
}

func TestText_MakesValidUTF8OfAnything(t *testing.T) {
	got, spans := redact.Text("\xff13812345678\xfe", "zh-CN")
	if got != "\uFFFD[PHONE]\uFFFD" || len(spans) != 1 || got[spans[0].Start:spans[0].End] != "[PHONE]" {
		t.Fatalf("%q %v", got, spans)
	}
}
