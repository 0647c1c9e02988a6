// Package plugway makes a Plugway plugin of an ordinary http.Handler: a process of its own that a gateway
// starts, configures, watches, drains and replaces. The contract is in docs/contract.md.
package plugway

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"regexp"

	"google.golang.org/grpc"
)

// Plugin is what an author says of one plugin. ID, Version, and Handler or Services are required.
type Plugin struct {
	ID          string // as in plugway.toml
	Version     string // semantic
	Name        string // for people; the ID if empty
	Description string // one sentence

	// Handler answers the calls. Paths start at the plugin's root; Current(ctx).BasePath is where clients
	// see it, which redirects to paths get put before them. Its context ends when the client has left.
	Handler http.Handler

	OpenAPI     []byte // an OpenAPI 3.1 document of the routes, as JSON; may be empty
	Settings    *Settings
	UI          *UI
	Permissions Permissions
	Routes      []Route // the first that matches counts; a path that none matches needs a signed-in user
	Limits      *Limits

	// OneWayMigration says why older releases cannot read what this one writes; empty where they can.
	OneWayMigration string

	// Services registers gRPC services that clients may call, as generated code does: pb.RegisterXServer(to, ...).
	// With google.api.http annotations they answer as JSON too (docs/typed.md). Current and CallerIn take their
	// contexts.
	Services func(to grpc.ServiceRegistrar)

	// Metrics writes families of its own as OpenMetrics text, without "# EOF".
	Metrics func(io.Writer)
}

// Permissions is what the plugin wants beyond its own container.
type Permissions struct {
	Egress  []string // "host:port", or "settings:/pointer" to a setting that names the destination
	Volumes []string // names for Volume
	Origins []string // what the page loads from other hosts: "img-src https://images.example"
}

// Access says who may call a route.
type Access string

const (
	Public Access = "public" // anyone, without a token
	User   Access = "user"   // anyone who is signed in
	Admin  Access = "admin"
)

// Route sets who may call the paths under a prefix; no Methods means all.
type Route struct {
	Prefix  string
	Access  Access
	Methods []string
}

// Rate is how often something may be done: PerSecond in the long run, Burst at once (0: what a second allows).
type Rate struct {
	PerSecond float64
	Burst     uint32
}

// Limits is how much the plugin wants to be called where its operator says nothing else; it can only ask for
// less than it would get. 0 and nil say nothing.
type Limits struct {
	Rate           *Rate
	Concurrent     uint32
	UserRate       *Rate
	UserConcurrent uint32
	Routes         []RouteLimit
}

// RouteLimit is for a path and those below it; a segment in braces stands for any.
type RouteLimit struct {
	Path       string
	Methods    []string
	Rate       *Rate
	Concurrent uint32
}

// UI is the page's bundle, usually from embed.FS.
type UI struct {
	Files  fs.FS
	Root   string   // directory in Files; empty for all of it
	Entry  string   // an ES module; "index.js" if empty
	Styles []string // loaded before the entry
	React  bool     // the entry's default export is a React component, in place of mount(root, host)
}

var (
	idPattern      = regexp.MustCompile(`^[a-z][a-z0-9-]{1,62}$`)
	versionPattern = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
)

// check tells which part of the definition cannot hold.
func (p *Plugin) check() error {
	switch {
	case !idPattern.MatchString(p.ID):
		return fmt.Errorf("the id %q: lower-case letters, digits and '-', letter first, 2 to 63 long", p.ID)
	case !versionPattern.MatchString(p.Version):
		return fmt.Errorf("the version %q is not a semantic version such as 1.0.0", p.Version)
	case p.Handler == nil && p.Services == nil:
		return fmt.Errorf("the plugin has neither Handler nor Services")
	}
	for _, route := range p.Routes {
		if _, known := accessLevels[route.Access]; !known {
			return fmt.Errorf("the access %q of %s is none of public, user and admin", route.Access, route.Prefix)
		}
	}
	return nil
}
