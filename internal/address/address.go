// Package address reads the addresses of people (telephone numbers, SIP
// addresses, e-mail addresses, handles) and hashes them, so that one customer
// is the same one on every channel.
package address

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Hash stands for an address: hex HMAC-SHA256 under key of the telephone number
// without its separators, or of anything else in lower case, in both cases
// without display name, scheme and parameters. It is "" for no address.
// "tel:+1-555-010-0123", "<sip:+15550100123@carrier.example>" and
// "+1 (555) 010 0123" have one hash.
func Hash(key []byte, address string) string {
	c := canonical(address)
	if c == "" {
		return ""
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(c))
	return hex.EncodeToString(m.Sum(nil))
}

func canonical(address string) string {
	if n := Number(address); n != "" {
		return n
	}
	bare, _ := cut(address)
	return strings.ToLower(bare)
}

// Number returns the digits of a telephone number or an extension, with the +
// of an international one, and "" for every other address. An e-mail address
// that begins with digits, as many in China do, is no number.
func Number(address string) string {
	bare, telephony := cut(address)
	user, _, at := strings.Cut(bare, "@")
	if at && !telephony && !strings.HasPrefix(user, "+") {
		return ""
	}
	return digits(user)
}

// User returns an address's part before the @.
func User(address string) string {
	user, _, _ := strings.Cut(Bare(address), "@")
	return user
}

// Bare returns an address without display name, scheme, parameters and headers.
func Bare(address string) string {
	bare, _ := cut(address)
	return bare
}

// cut also says whether the scheme was one of telephony.
func cut(address string) (bare string, telephony bool) {
	a := strings.TrimSpace(address)
	if i := strings.LastIndexByte(a, '<'); i >= 0 {
		a, _, _ = strings.Cut(a[i+1:], ">")
	}
	if scheme, rest, ok := strings.Cut(a, ":"); ok {
		switch scheme = strings.ToLower(scheme); {
		case slices.Contains([]string{"sip", "sips", "tel", "sms"}, scheme):
			a, telephony = rest, true
		case scheme == "mailto":
			a = rest
		}
	}
	if i := strings.IndexAny(a, ";?"); i >= 0 {
		a = a[:i]
	}
	return strings.TrimSpace(a), telephony
}

// digits returns a number without visual separators (RFC 3966, section 5.1.1),
// "" for what is no number.
func digits(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '+' && len(out) == 0:
			out = append(out, c)
		case strings.IndexByte(" -.()", c) >= 0:
		default:
			return ""
		}
	}
	if len(strings.Trim(string(out), "+")) == 0 {
		return ""
	}
	return string(out)
}
