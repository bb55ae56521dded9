package earshot_test

import (
	"regexp"
	"testing"

	"earshot"
)

func TestDerive_IsStableAndSeparatesParts(t *testing.T) {
	got := earshot.Derive("conversation", "t", "chat", "42")
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(got) {
		t.Fatalf("%q is no UUID version 5", got)
	}
	if again := earshot.Derive("conversation", "t", "chat", "42"); again != got {
		t.Fatalf("%q, then %q", got, again)
	}
	if earshot.Derive("ab", "c") == earshot.Derive("a", "bc") {
		t.Fatal("different parts gave one id")
	}
}

// The ids of stored records hang on these values: they never change.
func TestDerivedIDs_NeverChange(t *testing.T) {
	i := earshot.CallID("", "session-1")
	tests := map[string]struct{ got, want string }{
		"call":         {string(i), "d9a99ed9-1f22-5a56-b1ef-7bf61c519a4d"},
		"conversation": {string(earshot.ConversationID("", earshot.Chat, "42")), "24c03933-45ca-51a0-9c6b-e74d66fe66eb"},
		"spoken":       {string(earshot.SpokenID(i, "leg", 1500)), "4e093e26-0706-50be-91c8-15be5d255db6"},
		"message":      {string(earshot.MessageID(i, "m1")), "4326c293-3e9f-5488-a618-f3d9074e466f"},
	}
	for name, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %s, want %s", name, tt.got, tt.want)
		}
	}
}
