// Package audio turns what the wire carries into sound and back: codecs, the
// timeline of a call's legs, sample rates, WAV files and waveform peaks.
//
// It does no network I/O and knows no Kafka; the same input gives the same
// samples on every machine.
package audio
