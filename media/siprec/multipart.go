package siprec

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// The MIME types of SIPREC bodies.
const (
	TypeSDP      = "application/sdp"
	TypeMetadata = "application/rs-metadata+xml"
	// TypeMetadataOld is what drafts and several makers send.
	TypeMetadataOld = "application/rs-metadata"
)

// Body is a SIP body taken apart. A part that is missing is nil.
type Body struct {
	SDP      []byte
	Metadata []byte
	// Others are the types of parts that mean nothing here, such as application/gtd.
	Others []string
}

// maxParts bounds what one body may hold.
const maxParts = 16

// ParseBody takes a body apart by its Content-Type. It is kind to what is
// deployed: parts in any order, missing spaces and closing boundaries, unknown
// parts, and bodies whose type is wrong or missing.
func ParseBody(contentType string, body []byte) (Body, error) {
	var b Body
	if len(bytes.TrimSpace(body)) == 0 {
		return b, nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = strings.ToLower(strings.TrimSpace(strings.SplitN(contentType, ";", 2)[0]))
	}
	if !strings.HasPrefix(kind, "multipart/") {
		b.take(kind, body)
		return b, nil
	}
	boundary := params["boundary"]
	if boundary == "" {
		boundary = guessBoundary(body)
	}
	if boundary == "" {
		return b, fmt.Errorf("a %s body has no boundary parameter", kind)
	}
	return b, b.takeParts(body, boundary)
}

func (b *Body) takeParts(body []byte, boundary string) error {
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxParts {
		p, err := r.NextRawPart()
		if err != nil {
			if b.SDP == nil && b.Metadata == nil && len(b.Others) == 0 {
				return fmt.Errorf("cannot take the multipart body apart: %w", err)
			}
			return nil
		}
		var content bytes.Buffer
		// An error here is a missing closing boundary: what was read counts.
		_, _ = content.ReadFrom(p)
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			kind = ""
		}
		b.take(kind, content.Bytes())
	}
	return nil
}

// take files one part under its type, or by its look when the type says nothing.
func (b *Body) take(kind string, content []byte) {
	trimmed := bytes.TrimLeft(content, "\r\n\t \xef\xbb\xbf")
	switch {
	case kind == TypeSDP && b.SDP == nil:
		b.SDP = trimmed
	case (kind == TypeMetadata || kind == TypeMetadataOld) && b.Metadata == nil:
		b.Metadata = trimmed
	case kind != "" && kind != "text/plain" && kind != "application/xml" && kind != "text/xml":
		b.Others = append(b.Others, kind)
	case bytes.HasPrefix(trimmed, []byte("v=0")) && b.SDP == nil:
		b.SDP = trimmed
	case bytes.HasPrefix(trimmed, []byte("<")) && b.Metadata == nil:
		b.Metadata = trimmed
	default:
		b.Others = append(b.Others, "unknown")
	}
}

// guessBoundary takes the first line that begins with two dashes.
func guessBoundary(body []byte) string {
	for _, line := range bytes.Split(body, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if rest, ok := bytes.CutPrefix(line, []byte("--")); ok && len(rest) > 0 && len(rest) <= 70 {
			return string(rest)
		}
	}
	return ""
}

// WriteBody returns a multipart/mixed body with its Content-Type.
func WriteBody(sdp, metadata []byte) (contentType string, body []byte, err error) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	parts := []struct {
		kind, disposition string
		content           []byte
	}{{TypeSDP, "session;handling=required", sdp}, {TypeMetadata, "recording-session", metadata}}
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Type": {p.kind}, "Content-Disposition": {p.disposition}}
		pw, err := w.CreatePart(h)
		if err != nil {
			return "", nil, fmt.Errorf("cannot write multipart body: %w", err)
		}
		if _, err := pw.Write(p.content); err != nil {
			return "", nil, fmt.Errorf("cannot write multipart body: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", nil, fmt.Errorf("cannot write multipart body: %w", err)
	}
	return "multipart/mixed;boundary=" + w.Boundary(), out.Bytes(), nil
}
