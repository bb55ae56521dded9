package mirror

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"earshot/internal/bus"
)

var errSpooled = errors.New("not a spooled message")

// encodeMessage writes a message for the spool: the length of the head in two
// bytes, the head as JSON, the value as it is.
func encodeMessage(m bus.Message) []byte {
	value := m.Value
	m.Value = nil
	head, err := json.Marshal(m)
	if err != nil || len(head) > 0xffff {
		// Only strings and a time: it can't fail, and ids are short.
		head = []byte("{}")
	}
	out := make([]byte, 0, 2+len(head)+len(value))
	out = binary.BigEndian.AppendUint16(out, uint16(len(head)))
	out = append(out, head...)
	return append(out, value...)
}

func decodeMessage(data []byte) (bus.Message, error) {
	var m bus.Message
	if len(data) < 2 {
		return m, errSpooled
	}
	n := int(binary.BigEndian.Uint16(data))
	if len(data) < 2+n {
		return m, errSpooled
	}
	if err := json.Unmarshal(data[2:2+n], &m); err != nil {
		return m, fmt.Errorf("%w: %w", errSpooled, err)
	}
	m.Value = data[2+n:]
	return m, nil
}
