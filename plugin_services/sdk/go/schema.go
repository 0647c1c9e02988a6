package plugway

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// checkedSchema judges settings and says what is wrong field by field.
type checkedSchema struct{ schema *jsonschema.Schema }

func compileSchema(text string) (*checkedSchema, error) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("the settings' schema is not JSON: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	const name = "urn:plugway:settings"
	if err := compiler.AddResource(name, document); err != nil {
		return nil, fmt.Errorf("the settings' schema: %w", err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("the settings' schema: %w", err)
	}
	return &checkedSchema{schema}, nil
}

// judge is nil where the values fit.
func (c *checkedSchema) judge(values map[string]any) error {
	err := c.schema.Validate(values)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	found := Refused{}
	collect(invalid, found)
	return found
}

var english = message.NewPrinter(language.English)

// collect keeps the first reason against each field; the inner ones say more than those around them.
func collect(problem *jsonschema.ValidationError, found Refused) {
	if len(problem.Causes) > 0 {
		for _, cause := range problem.Causes {
			collect(cause, found)
		}
		return
	}
	at := pointer(problem.InstanceLocation)
	switch what := problem.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range what.Missing {
			found.add(at+pointer([]string{name}), "is missing")
		}
	case *kind.AdditionalProperties:
		for _, name := range what.Properties {
			found.add(at+pointer([]string{name}), "unknown setting")
		}
	case *kind.Pattern:
		// The library's words repeat the value, which may be a secret.
		found.add(at, "does not match "+strconv.Quote(what.Want))
	case *kind.Format:
		found.add(at, "is no "+what.Want)
	default:
		found.add(at, problem.ErrorKind.LocalizedString(english))
	}
}

func (r Refused) add(field, reason string) {
	if _, there := r[field]; !there {
		r[field] = reason
	}
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(way []string) string {
	var made strings.Builder
	for _, part := range way {
		made.WriteString("/" + pointerEscapes.Replace(part))
	}
	return made.String()
}

var pointerNames = strings.NewReplacer("~1", "/", "~0", "~")

// put sets a value at an RFC 6901 pointer, making the objects on the way; false where there is no place for it.
func put(values map[string]any, pointer, value string) bool {
	if !strings.HasPrefix(pointer, "/") {
		return false
	}
	parts := strings.Split(pointer[1:], "/")
	var node any = values
	for n, part := range parts {
		name, last := pointerNames.Replace(part), n == len(parts)-1
		switch inner := node.(type) {
		case map[string]any:
			if last {
				inner[name] = value
				return true
			}
			if _, there := inner[name]; !there {
				inner[name] = map[string]any{}
			}
			node = inner[name]
		case []any:
			at, err := strconv.Atoi(name)
			if err != nil || at < 0 || at >= len(inner) {
				return false
			}
			if last {
				inner[at] = value
				return true
			}
			node = inner[at]
		default:
			return false
		}
	}
	return false
}
