package web

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"

	"golang.org/x/crypto/bcrypt"

	"earshot"
	"earshot/internal/config"
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

// Users is the users file:
//
//	users:
//	  - name: anna
//	    role: reviewer
//	    password: $2a$10$...   # bcrypt
//	  - name: li
//	    role: agent
//	    agent: "1001"          # the id that the telephony core knows
//	    password: $2a$10$...
type Users struct {
	Users []User `yaml:"users"`
}

// User is one login of the users file.
type User struct {
	Name string `yaml:"name"`
	Role Role   `yaml:"role"`
	// Agent is the agent's id; it belongs to RoleAgent alone.
	Agent earshot.AgentID `yaml:"agent,omitempty"`
	// Password is its bcrypt hash.
	Password string `yaml:"password"`
}

// ReadUsers reads the file at path. Its error is Invalid, and wraps
// [io/fs.ErrNotExist] when there is none.
func ReadUsers(path string) (Users, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Users{}, earshot.InvalidField("users", "name a file that can be read", "cannot read users: %w", err)
	}
	return parseUsers(path, data)
}

func parseUsers(name string, data []byte) (Users, error) {
	var f Users
	if err := config.Decode(name, data, &f); err != nil {
		return Users{}, err
	}
	seen := map[string]bool{}
	for _, u := range f.Users {
		if err := u.Validate(); err != nil {
			return Users{}, err
		}
		if _, err := bcrypt.Cost([]byte(u.Password)); err != nil {
			return Users{}, earshot.InvalidField("users.password", "put a bcrypt hash, as 'earshot user add NAME' does", "of %q: %w", u.Name, err)
		}
		if seen[u.Name] {
			return Users{}, earshot.InvalidField("users.name", "use each name once", "%q stands twice", u.Name)
		}
		seen[u.Name] = true
	}
	return f, nil
}

// Validate names the first field that is wrong; it does not look at the password.
func (u User) Validate() error {
	switch {
	case u.Name == "":
		return earshot.InvalidField("users.name", "give every user a name", "is empty")
	case u.Role != RoleAdmin && u.Role != RoleReviewer && u.Role != RoleAgent:
		return earshot.InvalidField("users.role", "use admin, reviewer or agent", "%q has %q", u.Name, u.Role)
	case u.Role == RoleAgent && u.Agent == "":
		return earshot.InvalidField("users.agent", "give the agent's id", "is empty for agent %q", u.Name)
	}
	return nil
}

// Set puts in the user, in place of the one of that name if there is one, with
// the hash of the password, which has at most 72 bytes.
func (f *Users) Set(u User, password string) error {
	if err := u.Validate(); err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return earshot.InvalidField("password", fmt.Sprintf("use %d bytes at most", maxPassword), "cannot hash it: %w", err)
	}
	u.Password = string(hash)
	f.Users = append(slices.DeleteFunc(f.Users, func(o User) bool { return o.Name == u.Name }), u)
	return nil
}

// maxPassword is where bcrypt stops reading, in bytes.
const maxPassword = 72

// logins are the users by name.
type logins map[string]User

// logins returns the users for signing in; there has to be one.
func (f Users) logins() (logins, error) {
	if len(f.Users) == 0 {
		return nil, earshot.InvalidField("users", "add at least one user", "holds nobody")
	}
	out := logins{}
	for _, u := range f.Users {
		out[u.Name] = u
	}
	return out, nil
}

// person returns who has this name, nobody if it is unknown.
func (l logins) person(name string) Person {
	u := l[name]
	return Person{Name: u.Name, Role: u.Role, Agent: u.Agent}
}

// nobody is compared with for unknown names, so that they take as long as
// known ones; no password has this hash (it is the hash of random bytes).
const nobody = "$2a$10$7EqJtq98hPqEX7fNZaFWoOhi5CeJBy2sd8Xb3f0DNKFRCLMIZF6w2"

// check returns the person with this name and password.
func (l logins) check(name, password string) (Person, bool) {
	known, ok := l[name]
	hash := nobody
	if ok {
		hash = known.Password
	}
	if len(password) > maxPassword {
		sum := sha256.Sum256([]byte(password))
		password, ok = string(sum[:]), false
	}
	matches := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	return l.person(name), ok && matches
}
