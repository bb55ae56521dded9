package siprec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth and maxNodes bound what a hostile document can cost.
const (
	maxDepth = 64
	maxNodes = 20000
)

// ErrMetadata is the error of bytes in which no recording metadata can be found.
var ErrMetadata = errors.New("no recording metadata")

// node is one XML element. Elements and attributes are found by local name,
// because what is deployed uses at least four name spaces for the same words.
type node struct {
	space string
	local string
	attrs []xml.Attr
	text  string
	kids  []*node
}

// parseTree reads as much of an XML document as it can. It fails only when not
// even a root element is there; what follows a mistake is left out, and the
// mistake is returned beside the tree.
func parseTree(data []byte) (root *node, slip error, err error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimSpace(data)))
	d.Strict = false
	// What isn't UTF-8 is read byte by byte: names may come out wrong, ids don't.
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var stack []*node
	for count := 0; count < maxNodes; count++ {
		tok, e := d.Token()
		if e != nil {
			if root == nil {
				return nil, nil, fmt.Errorf("%w: %w", ErrMetadata, e)
			}
			if errors.Is(e, io.EOF) {
				return root, nil, nil
			}
			return root, e, nil
		}
		switch t := tok.(type) {
		case xml.StartElement:
			n := &node{space: t.Name.Space, local: t.Name.Local, attrs: append([]xml.Attr(nil), t.Attr...)}
			if len(stack) > 0 {
				up := stack[len(stack)-1]
				up.kids = append(up.kids, n)
			} else if root == nil {
				root = n
			}
			if stack = append(stack, n); len(stack) > maxDepth {
				return root, fmt.Errorf("more than %d levels", maxDepth), nil
			}
		case xml.EndElement:
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			}
		}
	}
	return root, fmt.Errorf("more than %d elements", maxNodes), nil
}

// attr returns the first non-empty attribute of the given local names,
// whatever their case.
func (n *node) attr(names ...string) string {
	for _, name := range names {
		for _, a := range n.attrs {
			if strings.EqualFold(a.Name.Local, name) && strings.TrimSpace(a.Value) != "" {
				return strings.TrimSpace(a.Value)
			}
		}
	}
	return ""
}

// all returns the children of a local name, whatever its case.
func (n *node) all(name string) []*node {
	var out []*node
	for _, k := range n.kids {
		if strings.EqualFold(k.local, name) {
			out = append(out, k)
		}
	}
	return out
}

// child returns the text of the first child of one of the local names.
func (n *node) child(names ...string) string {
	for _, name := range names {
		for _, k := range n.all(name) {
			if t := k.value(); t != "" {
				return t
			}
		}
	}
	return ""
}

// value returns the element's own text without the space around it.
func (n *node) value() string { return strings.TrimSpace(n.text) }

// id returns the element's id: an attribute of one of the names, else a child
// element of one of them, else the attribute or child "id".
func (n *node) id(names ...string) string {
	names = append(names, "id")
	if v := n.attr(names...); v != "" {
		return v
	}
	return n.child(names...)
}
