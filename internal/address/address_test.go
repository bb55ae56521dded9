package address_test

import (
	"testing"

	"earshot/internal/address"
)

var key = []byte("0123456789abcdef0123456789abcdef")

func TestHash_IsOneForAllWaysToWriteAnAddress(t *testing.T) {
	for name, same := range map[string][]string{
		"international number": {
			"+8613800138000", "+86 138 0013 8000", " +86-138-0013-8000 ", "tel:+86-138-0013-8000", "TEL:+8613800138000;phone-context=x",
			"sip:+8613800138000@carrier.example;user=phone", `"王芳" <sips:+86.138.0013.8000@10.0.0.1:5061>`, "+8613800138000@carrier.example", "sms:+8613800138000",
		},
		"e-mail":          {"wang@example.com", " Wang@Example.com", "mailto:wang@example.com?subject=x", "Wang <wang@example.com>"},
		"digits in front": {"12345678@qq.com", "12345678@QQ.com"},
		"the digits":      {"12345678", "sip:12345678@qq.com"},
		"handle":          {"wx_Fang", "WX_FANG"},
	} {
		t.Run(name, func(t *testing.T) {
			want := address.Hash(key, same[0])
			for _, a := range same[1:] {
				if got := address.Hash(key, a); got != want {
					t.Errorf("%q and %q differ", a, same[0])
				}
			}
		})
	}
}

func TestHash_TellsAddressesAndKeysApart(t *testing.T) {
	seen := map[string]string{}
	for _, a := range []string{"+8613800138000", "+8613800138001", "13800138000", "12345678", "12345678@qq.com", "wx_fang"} {
		h := address.Hash(key, a)
		if other, twice := seen[h]; twice || len(h) != 64 {
			t.Errorf("%q and %q: %q", a, other, h)
		}
		seen[h] = a
	}
	if address.Hash(key, "12345678") == address.Hash([]byte("another"), "12345678") {
		t.Error("two keys gave one hash")
	}
	for _, a := range []string{"", " ", "sip:", "<>"} {
		if h := address.Hash(key, a); h != "" {
			t.Errorf("%q: nobody has the hash %q", a, h)
		}
	}
}

// Stored hashes hang on this value: it never changes.
func TestHash_NeverChanges(t *testing.T) {
	const want = "bdd1ee569ac57355604173d9ba4d36cd5e2496b74838f6f4a98bec0d61af8277"
	if got := address.Hash(key, "+8613800138000"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNumber_IsWhatTelephonesHave(t *testing.T) {
	for in, want := range map[string]string{
		"tel:+1-555-010-0123":                             "+15550100123",
		"sip:+1 (555) 0100123@carrier.example;user=phone": "+15550100123",
		`"Bob" <sip:5550100@x>`:                           "5550100",
		"sip:1001@pbx":                                    "1001",
		"1001":                                            "1001",
		"sip:Ann@Example.com":                             "",
		"12345678@qq.com":                                 "",
		"+":                                               "",
		"1+2":                                             "",
		"":                                                "",
	} {
		if got := address.Number(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestUser_IsThePartBeforeTheAt(t *testing.T) {
	for in, want := range map[string]string{
		`"Ann" <sip:ann@example.com;x=1>`: "ann", "tel:+1555": "+1555", "ann@example.com?h=1": "ann", "": "",
	} {
		if got := address.User(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// Addresses come from outside, in any form.
func FuzzHash(f *testing.F) {
	for _, seed := range []string{"+1 555", "sip:a@b;c?d", `"x" <tel:+1>`, "<", "mailto:", "@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if n := address.Number(in); n != "" && address.Hash(key, n) != address.Hash(key, in) {
			t.Errorf("%q is the number %q and has another hash", in, n)
		}
		if h := address.Hash(key, in); h != "" && len(h) != 64 {
			t.Errorf("%q has the hash %q", in, h)
		}
	})
}
