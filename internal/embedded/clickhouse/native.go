package clickhouse

import "github.com/ClickHouse/ch-go/proto"

// hello is the query by which clickhouse-go learns the server's name, version,
// protocol revision and time zone. It reads the answer as Native at its own
// revision, which the engine cannot write.
const hello = "SELECT displayName(), version(), revision(), timezone()"

// displayName is what the server calls itself.
const displayName = "earshot-embedded"

// helloBlock is the answer: one Native block at the client's revision with one
// row. It announces revision 0, so that later blocks are read as plain Native.
func helloBlock(version, timezone string) []byte {
	var b proto.Buffer
	proto.BlockInfo{BucketNum: -1}.Encode(&b)
	b.PutUVarInt(4) // columns
	b.PutUVarInt(1) // rows
	column := func(name, typ string) {
		b.PutString(name)
		b.PutString(typ)
		b.PutBool(false) // no custom serialization
	}
	column("displayName()", "String")
	b.PutString(displayName)
	column("version()", "String")
	b.PutString(version)
	column("revision()", "UInt32")
	b.PutUInt32(0)
	column("timezone()", "String")
	b.PutString(timezone)
	return b.Buf
}
