package clickhouse

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// grants are all that the engine's one user may do: everything with tables, and
// nothing with files, addresses, backups or the database that shows the file
// system. The engine has no statement for this, only its configuration files.
var grants = []string{
	"GRANT CHECK, SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY, " +
		"dictGet, TABLE ENGINE, SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM MOVES, SYSTEM FLUSH, SYSTEM VIEWS, SYSTEM DROP CACHE ON *.*",
	"REVOKE ALL ON " + overlayDatabase + ".*",
}

// writeEngineConfig writes the engine's configuration into the data folder and
// returns the file's path. It is written anew at every start.
func writeEngineConfig(c Config) (string, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return "", fmt.Errorf("cannot resolve the ClickHouse data folder: %w", err)
	}
	users := filepath.Join(dir, "earshot-users.xml")
	if err := os.WriteFile(users, []byte(usersXML()), 0o600); err != nil {
		return "", fmt.Errorf("cannot write the engine's users: %w", err)
	}
	config := filepath.Join(dir, "earshot-config.xml")
	if err := os.WriteFile(config, []byte(configXML(users, c.SyncWrites)), 0o600); err != nil {
		return "", fmt.Errorf("cannot write the engine's configuration: %w", err)
	}
	return config, nil
}

func usersXML() string {
	var queries strings.Builder
	for _, grant := range grants {
		queries.WriteString("<query>" + escape(grant) + "</query>\n")
	}
	return `<clickhouse>
<profiles><default/></profiles>
<quotas><default/></quotas>
<users><default>
<password/><profile>default</profile><quota>default</quota><networks><ip>::/0</ip></networks>
<grants>
` + queries.String() + `</grants>
</default></users>
</clickhouse>
`
}

func configXML(users string, syncWrites bool) string {
	sync := 0
	if syncWrites {
		sync = 1
	}
	return fmt.Sprintf(`<clickhouse>
<users_config>%s</users_config>
<merge_tree><fsync_after_insert>%d</fsync_after_insert><fsync_part_directory>%d</fsync_part_directory></merge_tree>
</clickhouse>
`, escape(users), sync, sync)
}

// escape writes s as XML text.
func escape(s string) string {
	var b strings.Builder
	// A strings.Builder takes every write.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
