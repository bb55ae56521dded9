package earshot_test

import (
	"reflect"
	"testing"

	"earshot"
)

func TestMerge_KeepsWhatIsKnownAndTakesWhatIsNew(t *testing.T) {
	full := call
	full.Legs, full.Attributes = nil, nil
	for name, got := range map[string]earshot.Interaction{
		"all over nothing": earshot.Interaction{}.Merge(full),
		"nothing over all": full.Merge(earshot.Interaction{}),
	} {
		if !reflect.DeepEqual(got, full) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	got := full.Merge(earshot.Interaction{Queue: "sales"})
	want := full
	want.Queue = "sales"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the newest queue: got %+v", got)
	}
}

// A field that Merge forgets would be lost between the roles.
func TestMerge_ForgetsNoField(t *testing.T) {
	v := reflect.ValueOf(earshot.Interaction{}.Merge(call))
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is lost", v.Type().Field(i).Name)
		}
	}
}

func TestMerge_ReplacesLegsByIDAndLaysAttributesOver(t *testing.T) {
	old := earshot.Interaction{
		Legs:       []earshot.Leg{{ID: "a", Role: earshot.Agent}, {ID: "b", Role: earshot.Other}},
		Attributes: map[string]string{"k": "1", "l": "1"},
	}
	got := old.Merge(earshot.Interaction{
		Legs:       []earshot.Leg{{ID: "b", Role: earshot.Customer}, {ID: "c", Role: earshot.Bot}},
		Attributes: map[string]string{"l": "2", "m": "2"},
	})
	want := earshot.Interaction{
		Legs:       []earshot.Leg{{ID: "a", Role: earshot.Agent}, {ID: "b", Role: earshot.Customer}, {ID: "c", Role: earshot.Bot}},
		Attributes: map[string]string{"k": "1", "l": "2", "m": "2"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if old.Legs[1].Role != earshot.Other || len(old.Attributes) != 2 {
		t.Errorf("changed what was merged into: %+v", old)
	}
}
