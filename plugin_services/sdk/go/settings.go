package plugway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// Settings is how the plugin is set up. Documents are whole: one JSON object that fits the schema, with the
// secrets in their places.
type Settings struct {
	// Schema is JSON Schema 2020-12 of one object. Secrets carry "writeOnly": true. Where it takes {}, calls
	// need not wait for settings.
	Schema string

	// Check judges without taking (a trial connection); it runs in a dry run too. May be nil.
	Check func(ctx context.Context, document []byte) error
	// Apply takes them, wholly or not at all. Both refuse with Refused, or any other error. May be nil.
	Apply func(ctx context.Context, document []byte) error

	Version   uint32 // of the schema, 1 if 0
	ReadsFrom uint32 // the oldest version that Migrate reads, 1 if 0
	// Migrate turns settings of an older version into today's.
	Migrate func(values map[string]any, from uint32) (map[string]any, error)

	// RestartOnChange says that a change takes effect only in a new process.
	RestartOnChange bool
}

func (s *Settings) versions() (version, readsFrom uint32) {
	return cmp.Or(s.Version, 1), cmp.Or(s.ReadsFrom, 1)
}

// Refused is why settings do not hold: JSON Pointers ("" for all of them) to reasons for an operator. Secrets in
// a reason are masked.
type Refused map[string]string

func (r Refused) Error() string {
	lines := make([]string, 0, len(r))
	for _, field := range slices.Sorted(maps.Keys(r)) {
		lines = append(lines, cmp.Or(field, "(all)")+": "+r[field])
	}
	return strings.Join(lines, "; ")
}

// keeper answers Configure, one at a time.
type keeper struct {
	settings *Settings
	schema   *checkedSchema
	mask     *mask
	log      *slog.Logger
	turn     sync.Mutex

	mu      sync.Mutex
	inForce bool // by Configure, or as the schema takes {}
	values  map[string]any
	last    *pb.ConfigureRequest
}

func newKeeper(settings *Settings, secrets *mask, log *slog.Logger) (*keeper, error) {
	made := &keeper{settings: settings, mask: secrets, log: log, inForce: true}
	if settings == nil {
		return made, nil
	}
	if version, readsFrom := settings.versions(); readsFrom > version {
		return nil, errors.New("Settings.ReadsFrom must lie between 1 and Version")
	}
	schema, err := compileSchema(settings.Schema)
	if err != nil {
		return nil, err
	}
	made.schema = schema
	made.inForce = schema.judge(map[string]any{}) == nil
	return made, nil
}

// missing says that the plugin needs settings that nobody gave yet.
func (k *keeper) missing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.inForce
}

func (k *keeper) configure(ctx context.Context, in *pb.ConfigureRequest) *pb.ConfigureResponse {
	// No part of the settings: new keys alone must not look like a change of them.
	in.CallKeys, in.ReleaseId = nil, ""
	given := slices.Collect(maps.Values(in.GetSecrets()))
	k.mask.add(given)
	k.turn.Lock()
	defer k.turn.Unlock()
	restart, err := k.judge(ctx, in)
	if err == nil {
		return &pb.ConfigureResponse{Accepted: true, RestartRequired: restart}
	}
	var refused Refused
	if !errors.As(err, &refused) {
		k.log.Error("the plugin could not take new settings", "error", err)
		refused = Refused{"": "the plugin could not take them: " + err.Error()}
	}
	// Beside those of the process: a reason must not tell what a line of the log would hide anyway.
	answer := &pb.ConfigureResponse{}
	for _, field := range slices.Sorted(maps.Keys(refused)) {
		answer.Errors = append(answer.Errors, &pb.FieldError{Field: field, Message: k.mask.text(refused[field])})
	}
	return answer
}

// judge takes them, or says that they need a new process.
func (k *keeper) judge(ctx context.Context, in *pb.ConfigureRequest) (restart bool, err error) {
	defer func() {
		// The author's functions may do anything; the settings in force stay.
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%v", reason)
		}
	}()
	if proto.Equal(in, k.last) {
		return false, nil
	}
	values, err := k.whole(in)
	if err != nil {
		return false, err
	}
	if k.settings == nil {
		if len(values) > 0 {
			return false, Refused{"": "this plugin has no settings"}
		}
		return false, nil
	}
	if refused := k.schema.judge(values); refused != nil {
		return false, refused
	}
	document, err := json.Marshal(values)
	if err != nil {
		return false, err
	}
	if k.settings.Check != nil {
		if err := k.settings.Check(ctx, document); err != nil {
			return false, err
		}
	}
	restart = k.settings.RestartOnChange && k.last != nil && !reflect.DeepEqual(values, k.values)
	if restart || in.GetDryRun() {
		return restart, nil
	}
	if k.settings.Apply != nil {
		if err := k.settings.Apply(ctx, document); err != nil {
			return false, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.inForce, k.values, k.last = true, values, in
	k.log.Info("settings are in force", "revision", in.GetRevision())
	return false, nil
}

// whole puts settings and secrets together, in today's version.
func (k *keeper) whole(in *pb.ConfigureRequest) (map[string]any, error) {
	values, err := decodeObject(cmp.Or(in.GetSettingsJson(), "{}"))
	if err != nil {
		return nil, err
	}
	for pointer, secret := range in.GetSecrets() {
		if !put(values, pointer, secret) {
			return nil, Refused{pointer: "there is no place for this secret"}
		}
	}
	if k.settings == nil {
		return values, nil
	}
	version, readsFrom := k.settings.versions()
	saved := cmp.Or(in.GetSchemaVersion(), version)
	if saved < readsFrom || saved > version {
		return nil, Refused{"": fmt.Sprintf(
			"saved with schema version %d; this release reads %d to %d", saved, readsFrom, version)}
	}
	if saved < version && k.settings.Migrate != nil {
		return k.settings.Migrate(values, saved)
	}
	return values, nil
}

func decodeObject(text string) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, Refused{"": "the settings are not JSON"}
	}
	object, is := value.(map[string]any)
	if _, err := decoder.Token(); !is || err != io.EOF {
		return nil, Refused{"": "the settings must be one JSON object"}
	}
	return object, nil
}
