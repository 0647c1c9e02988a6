package plugway

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

var contractVersions = []uint32{1}

var accessLevels = map[Access]pb.AccessLevel{
	Public: pb.AccessLevel_ACCESS_LEVEL_PUBLIC,
	User:   pb.AccessLevel_ACCESS_LEVEL_USER,
	Admin:  pb.AccessLevel_ACCESS_LEVEL_ADMIN,
}

// highestCommon is 0 where there is none.
func highestCommon(offered []uint32) uint32 {
	var highest uint32
	for _, version := range contractVersions {
		if slices.Contains(offered, version) {
			highest = max(highest, version)
		}
	}
	return highest
}

// manifest is made once: it must not change while the process lives.
func (p *Plugin) manifest() *pb.Manifest {
	made := &pb.Manifest{
		Id: p.ID, Version: p.Version, Name: cmp.Or(p.Name, p.ID), Description: p.Description,
		Permissions: &pb.Permissions{
			Egress: p.Permissions.Egress, Volumes: p.Permissions.Volumes, Origins: p.Permissions.Origins,
		},
		DataPolicy: &pb.DataPolicy{OneWayMigration: p.OneWayMigration != "", Explanation: p.OneWayMigration},
	}
	for _, route := range p.Routes {
		made.Routes = append(made.Routes, &pb.RouteRule{
			PathPrefix: route.Prefix, Methods: upper(route.Methods), Access: accessLevels[route.Access],
		})
	}
	if p.UI != nil {
		kind := pb.UiType_UI_TYPE_STATIC
		if p.UI.React {
			kind = pb.UiType_UI_TYPE_REACT_COMPONENT
		}
		made.Ui = &pb.Ui{Type: kind, Entry: p.UI.entry(), Styles: p.UI.Styles}
	}
	if p.Settings != nil {
		version, readsFrom := p.Settings.versions()
		made.Settings = &pb.SettingsSchema{
			JsonSchema: p.Settings.Schema, Version: version, ReadsFrom: readsFrom,
			RestartRequired: p.Settings.RestartOnChange,
		}
	}
	made.SuggestedLimits = p.Limits.message()
	return made
}

func (l *Limits) message() *pb.SuggestedLimits {
	if l == nil {
		return nil
	}
	made := &pb.SuggestedLimits{
		Rate: l.Rate.message(), Concurrent: l.Concurrent,
		UserRate: l.UserRate.message(), UserConcurrent: l.UserConcurrent,
	}
	for _, route := range l.Routes {
		made.Routes = append(made.Routes, &pb.RouteLimit{
			Path: route.Path, Methods: upper(route.Methods), Rate: route.Rate.message(), Concurrent: route.Concurrent,
		})
	}
	return made
}

func (r *Rate) message() *pb.Rate {
	if r == nil {
		return nil
	}
	return &pb.Rate{PerSecond: r.PerSecond, Burst: r.Burst}
}

func upper(methods []string) []string {
	made := make([]string, len(methods))
	for n, method := range methods {
		made[n] = strings.ToUpper(method)
	}
	return made
}

func (u *UI) entry() string { return cmp.Or(u.Entry, "index.js") }

func (u *UI) root() (fs.FS, error) {
	if u.Root == "" {
		return u.Files, nil
	}
	return fs.Sub(u.Files, u.Root)
}
