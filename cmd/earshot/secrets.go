package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"earshot"
)

// readOrMake returns the secret in the file at path. When the file is not
// there, 32 random bytes are written to it in hex, readable by this user alone.
func readOrMake(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		secret := strings.TrimSpace(string(data))
		if len(secret) < 16 {
			return "", earshot.Errorf(earshot.Invalid, "%s holds %d characters; put at least 16 random ones there, such as the output of 'openssl rand -hex 32'", path, len(secret))
		}
		return secret, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot read secret: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("cannot make folder for secret: %w", err)
	}
	secret := randomHex(32)
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("cannot write secret: %w", err)
	}
	return secret, nil
}

// readTokens returns the lines of the file at path that are no comments.
func readTokens(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, earshot.InvalidField("ingest.tokens_file", "put the tokens there, one a line", "cannot read tokens: %w", err)
	}
	var tokens []string
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "#") {
			tokens = append(tokens, line)
		}
	}
	return tokens, nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the process rather than return an error
	return hex.EncodeToString(b)
}
