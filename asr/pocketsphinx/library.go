package pocketsphinx

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"

	"earshot"
)

// library is what is used of libsphinxbase and libpocketsphinx, version
// 5prealpha, by the names of their C functions. Nothing in them is linked at
// build time, so that a build needs no C compiler and a machine without the
// libraries can run everything else.
type library struct {
	setLogFile func(fp uintptr)
	parse      func(inout, defs uintptr, argc int32, argv unsafe.Pointer, strict int32) uintptr
	freeConfig func(config uintptr) int32
	logExp     func(logmath uintptr, logarithm int32) float64

	args      func() uintptr
	open      func(config uintptr) uintptr
	close     func(decoder uintptr) int32
	forget    func(decoder uintptr) int32
	startUtt  func(decoder uintptr) int32
	process   func(decoder uintptr, pcm unsafe.Pointer, n uintptr, noSearch, fullUtt int32) int32
	endUtt    func(decoder uintptr) int32
	logmath   func(decoder uintptr) uintptr
	firstWord func(decoder uintptr) uintptr
	nextWord  func(word uintptr) uintptr
	word      func(word uintptr) string
	frames    func(word uintptr, first, last unsafe.Pointer)
	posterior func(word uintptr, acoustic, language, backoff unsafe.Pointer) int32
}

const (
	baseLibrary    = "libsphinxbase.so.3"
	decoderLibrary = "libpocketsphinx.so.3"
	install        = "install the Debian packages libpocketsphinx3 and pocketsphinx-en-us"
)

func load() (*library, error) {
	base, err := dlopen(baseLibrary)
	if err != nil {
		return nil, err
	}
	decoder, err := dlopen(decoderLibrary)
	if err != nil {
		return nil, err
	}
	l := &library{}
	type symbol struct {
		fn   any
		lib  uintptr
		name string
	}
	for _, s := range []symbol{
		{&l.setLogFile, base, "err_set_logfp"},
		{&l.parse, base, "cmd_ln_parse_r"},
		{&l.freeConfig, base, "cmd_ln_free_r"},
		{&l.logExp, base, "logmath_exp"},
		{&l.args, decoder, "ps_args"},
		{&l.open, decoder, "ps_init"},
		{&l.close, decoder, "ps_free"},
		{&l.forget, decoder, "ps_start_stream"},
		{&l.startUtt, decoder, "ps_start_utt"},
		{&l.process, decoder, "ps_process_raw"},
		{&l.endUtt, decoder, "ps_end_utt"},
		{&l.logmath, decoder, "ps_get_logmath"},
		{&l.firstWord, decoder, "ps_seg_iter"},
		{&l.nextWord, decoder, "ps_seg_next"},
		{&l.word, decoder, "ps_seg_word"},
		{&l.frames, decoder, "ps_seg_frames"},
		{&l.posterior, decoder, "ps_seg_prob"},
	} {
		address, err := purego.Dlsym(s.lib, s.name)
		if err != nil {
			return nil, unavailable("cannot use PocketSphinx, which lacks %s: %w", s.name, err)
		}
		purego.RegisterFunc(s.fn, address)
	}
	return l, nil
}

// dlopen makes the symbols global, since libpocketsphinx takes those of
// libsphinxbase from there.
func dlopen(name string) (uintptr, error) {
	lib, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return 0, unavailable("cannot load PocketSphinx: %w", err)
	}
	return lib, nil
}

func unavailable(format string, args ...any) error {
	return &earshot.Error{Kind: earshot.Unavailable, Fix: install, Err: fmt.Errorf(format, args...)}
}
