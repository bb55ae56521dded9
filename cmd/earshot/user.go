package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"earshot"
	"earshot/dashboards/web"
)

// putUser adds the user to the file or replaces the one of that name.
func putUser(path string, u web.User, password string) error {
	f, err := web.ReadUsers(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.Set(u, password); err != nil {
		return err
	}
	data, err := yaml.Marshal(f)
	if err != nil {
		return fmt.Errorf("cannot write users: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make folder for users: %w", err)
	}
	return replaceFile(path, data)
}

// replaceFile writes a file that only this user may read, whole or not at all.
func replaceFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("cannot write file: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("cannot write file: %w", err)
	}
	return nil
}

// firstUser makes an administrator when there is no user yet, and returns the
// file that holds the password; "" when there was nothing to do.
func firstUser(users string) (string, error) {
	if _, err := os.Stat(users); !errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	path := filepath.Join(filepath.Dir(users), "admin.password")
	password, err := readOrMake(path)
	if err != nil {
		return "", err
	}
	return path, putUser(users, web.User{Name: "admin", Role: web.RoleAdmin}, password)
}

func newUser() *cobra.Command {
	return group("user", "Manage who may use the workbench", newUserAdd())
}

func newUserAdd() *cobra.Command {
	var file, role, agent string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user of the workbench, or give one a new password",
		Long: `Add a user of the workbench, or give one a new role and password. The password
is asked for, or read as one line from standard input when that is no terminal.
A running 'earshot serve' reads the file again when it is restarted.`,
		Example: `  earshot user add anna --role reviewer
  earshot user add li --role agent --agent 1001
  openssl rand -base64 18 | tee /dev/stderr | earshot user add anna --role admin`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return earshot.Errorf(earshot.Invalid, "give one name, as in 'earshot user add anna --role reviewer'")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"admin", "reviewer", "agent"}, role) {
				return earshot.InvalidField("--role", "use admin, reviewer or agent", "is %q", role)
			}
			if (role == "agent") != (agent != "") {
				return earshot.InvalidField("--agent", "give it with --role agent, and only then", "is %q with role %s", agent, role)
			}
			password, err := askPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			u := web.User{Name: args[0], Role: web.Role(role), Agent: earshot.AgentID(agent)}
			if err := putUser(file, u, password); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s may sign in as %s; %s holds the hash of the password\n", args[0], role, file)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "file", "data/users.yaml", "the users file, web.users of the config")
	cmd.Flags().StringVar(&role, "role", "reviewer", "admin, reviewer or agent")
	cmd.Flags().StringVar(&agent, "agent", "", "the agent's id in the telephony core, for --role agent")
	return cmd
}

func askPassword(in io.Reader, prompt io.Writer) (string, error) {
	var password string
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(prompt, "Password (12 characters or more): ")
		line, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(prompt)
		if err != nil {
			return "", fmt.Errorf("cannot read password: %w", err)
		}
		password = string(line)
	} else {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("cannot read password: %w", err)
		}
		password = strings.TrimRight(line, "\r\n")
	}
	if len(password) < 12 {
		return "", earshot.InvalidField("password", "use 12 characters or more", "has %d", len(password))
	}
	return password, nil
}
