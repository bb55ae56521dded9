package clickhouse

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/zstd"
)

// maxBlock bounds one compressed block of a request. ClickHouse writes blocks of
// 1 MiB; clickhouse-go puts a whole batch into one.
const maxBlock = 256 << 20

// requestBody undoes the body's encodings: Content-Encoding, then ClickHouse's
// own block framing (decompress=1).
func requestBody(r *http.Request, values url.Values) (io.Reader, error) {
	body, err := decoded(r.Body, r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, err
	}
	if flag(values, "decompress") {
		body = &unframer{r: body}
	}
	return body, nil
}

func decoded(body io.Reader, encoding string) (io.Reader, error) {
	var reader io.Reader
	var err error
	switch encoding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		reader, err = gzip.NewReader(body)
	case "deflate":
		reader, err = zlib.NewReader(body)
	case "zstd":
		reader, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock))
	default:
		return nil, raise(codeNotImplemented, "NOT_IMPLEMENTED", "Content-Encoding %q is not supported, use gzip, deflate or zstd", encoding)
	}
	if err != nil {
		return nil, raise(354, "ZLIB_INFLATE_FAILED", "cannot read the %s body: %s", encoding, err)
	}
	return reader, nil
}

// unframer reads ClickHouse's compressed blocks: a 16-byte checksum, a 9-byte
// header (method, compressed and plain size, little endian) and the data. Unlike
// a plain decoder it tells the end between two blocks (io.EOF) from one within
// (io.ErrUnexpectedEOF), and it checks sizes before it allocates.
type unframer struct {
	r    io.Reader
	left []byte
}

const (
	checksumSize = 16
	headerSize   = 9
)

// Read implements io.Reader.
func (u *unframer) Read(p []byte) (int, error) {
	for len(u.left) == 0 {
		if err := u.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.left)
	u.left = u.left[n:]
	return n, nil
}

func (u *unframer) next() error {
	var head [checksumSize + headerSize]byte
	if _, err := io.ReadFull(u.r, head[:]); err != nil {
		return err
	}
	packed := int64(binary.LittleEndian.Uint32(head[checksumSize+1:])) - headerSize
	plain := int64(binary.LittleEndian.Uint32(head[checksumSize+5:]))
	if packed < 0 || packed > maxBlock || plain > maxBlock {
		return raise(271, "CANNOT_DECOMPRESS", "a compressed block of %d bytes holding %d is out of bounds", packed, plain)
	}
	frame := bytes.NewBuffer(head[:])
	if _, err := io.CopyN(frame, u.r, packed); err != nil {
		return torn(err)
	}
	data := make([]byte, plain)
	if _, err := io.ReadFull(compress.NewReader(frame), data); err != nil {
		return raise(271, "CANNOT_DECOMPRESS", "cannot decompress a block: %s", err)
	}
	u.left = data
	return nil
}

// torn is what the end of the input means inside a block.
func torn(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// framer writes ClickHouse's compressed blocks, one for each Write.
type framer struct {
	w io.Writer
	c *compress.Writer
}

// Write implements io.Writer.
func (f framer) Write(p []byte) (int, error) {
	if err := f.c.Compress(p); err != nil {
		return 0, err
	}
	if _, err := f.w.Write(f.c.Data); err != nil {
		return 0, err
	}
	return len(p), nil
}

// newFramer compresses by the method that the client asks for, LZ4 if it names none.
func newFramer(w io.Writer, values url.Values) framer {
	method := compress.LZ4
	if strings.EqualFold(values.Get("network_compression_method"), "ZSTD") {
		method = compress.ZSTD
	}
	return framer{w, compress.NewWriter(compress.LevelZero, method)}
}

// flag reads a boolean URL parameter as ClickHouse does.
func flag(values url.Values, name string) bool {
	v := values.Get(name)
	return v == "1" || strings.EqualFold(v, "true")
}
