package web

import (
	"crypto/sha256"
	"os"

	"github.com/goccy/go-yaml"
	"golang.org/x/crypto/bcrypt"

	"earshot"
)

// Role says what a person may do in the workbench.
type Role string

// The roles. An agent sees the own contacts only; a reviewer sees everything
// and decides about verdicts; an admin may do what a reviewer may.
const (
	RoleAdmin    Role = "admin"
	RoleReviewer Role = "reviewer"
	RoleAgent    Role = "agent"
)

// Person is somebody who is logged in. The zero value is nobody.
type Person struct {
	// Name is the login.
	Name string
	Role Role
	// Agent is set when Role is RoleAgent.
	Agent earshot.AgentID
}

// users are the logins by name.
type users map[string]user

type user struct {
	Person
	hash []byte
}

// maxPassword is where bcrypt stops reading, in bytes.
const maxPassword = 72

// readUsers reads the file with logins:
//
//	users:
//	  - name: anna
//	    role: reviewer
//	    password: $2a$10$...   # bcrypt
//	  - name: li
//	    role: agent
//	    agent: "1001"          # the id that the telephony core knows
//	    password: $2a$10$...
func readUsers(path string) (users, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, earshot.InvalidField("users", "name a file that can be read", "cannot read users: %w", err)
	}
	return parseUsers(data)
}

func parseUsers(data []byte) (users, error) {
	var file struct {
		Users []struct {
			Name     string          `yaml:"name"`
			Role     Role            `yaml:"role"`
			Agent    earshot.AgentID `yaml:"agent"`
			Password string          `yaml:"password"`
		} `yaml:"users"`
	}
	if err := yaml.UnmarshalWithOptions(data, &file, yaml.Strict()); err != nil {
		return nil, earshot.Errorf(earshot.Invalid, "cannot read users: %w", err)
	}
	out := users{}
	for _, u := range file.Users {
		switch _, twice := out[u.Name]; {
		case u.Name == "":
			return nil, earshot.InvalidField("users.name", "give every user a name", "is empty")
		case twice:
			return nil, earshot.InvalidField("users.name", "use each name once", "%q stands twice", u.Name)
		case u.Role != RoleAdmin && u.Role != RoleReviewer && u.Role != RoleAgent:
			return nil, earshot.InvalidField("users.role", "use admin, reviewer or agent", "%q has %q", u.Name, u.Role)
		case u.Role == RoleAgent && u.Agent == "":
			return nil, earshot.InvalidField("users.agent", "give the agent's id", "is empty for agent %q", u.Name)
		}
		if _, err := bcrypt.Cost([]byte(u.Password)); err != nil {
			return nil, earshot.InvalidField("users.password", "put a bcrypt hash, such as htpasswd -nBC 12 NAME prints", "of %q: %w", u.Name, err)
		}
		out[u.Name] = user{Person{Name: u.Name, Role: u.Role, Agent: u.Agent}, []byte(u.Password)}
	}
	if len(out) == 0 {
		return nil, earshot.InvalidField("users", "add at least one user", "holds nobody")
	}
	return out, nil
}

// nobody is compared with for unknown names, so that they take as long as
// known ones; no password has this hash (it is the hash of random bytes).
const nobody = "$2a$10$7EqJtq98hPqEX7fNZaFWoOhi5CeJBy2sd8Xb3f0DNKFRCLMIZF6w2"

// check returns the person with this name and password.
func (u users) check(name, password string) (Person, bool) {
	known, ok := u[name]
	hash := []byte(nobody)
	if ok {
		hash = known.hash
	}
	if len(password) > maxPassword {
		sum := sha256.Sum256([]byte(password))
		password, ok = string(sum[:]), false
	}
	matches := bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	return known.Person, ok && matches
}
