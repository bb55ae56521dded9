package chdb

import "golang.org/x/sys/cpu"

// missingCPU names the first instruction set that the library needs and the
// processor lacks; without this check loading it ends in SIGILL.
func missingCPU() string {
	for _, need := range []struct {
		name string
		has  bool
	}{
		{"AVX2", cpu.X86.HasAVX2}, {"FMA", cpu.X86.HasFMA},
		{"BMI1", cpu.X86.HasBMI1}, {"BMI2", cpu.X86.HasBMI2},
	} {
		if !need.has {
			return need.name
		}
	}
	return ""
}
