package plugway

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	hidden      = "******"
	keptSecrets = 256
)

// mask replaces secrets, and the spellings under which they turn up, in texts.
type mask struct {
	mu      sync.Mutex
	secrets []string // old ones stay: a line about a connection made with one may come late
	replace atomic.Pointer[strings.Replacer]
}

func (m *mask) add(secrets []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.secrets)
	for _, secret := range secrets {
		if secret != "" && !slices.Contains(m.secrets, secret) {
			m.secrets = append(m.secrets, secret)
		}
	}
	if len(m.secrets) == before {
		return
	}
	m.secrets = m.secrets[max(0, len(m.secrets)-keptSecrets):]
	var spelled []string
	for _, secret := range m.secrets {
		spelled = append(spelled, spellings(secret)...)
	}
	// A replacer prefers what was given first: the longest, lest the end of one is left.
	slices.SortFunc(spelled, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(spelled))
	for _, one := range slices.Compact(spelled) {
		pairs = append(pairs, one, hidden)
	}
	m.replace.Store(strings.NewReplacer(pairs...))
}

func (m *mask) text(text string) string {
	if replacer := m.replace.Load(); replacer != nil {
		return replacer.Replace(text)
	}
	return text
}

// deep does the same for every text inside a value made of JSON.
func (m *mask) deep(value any) any {
	switch value := value.(type) {
	case string:
		return m.text(value)
	case []any:
		made := make([]any, len(value))
		for n, item := range value {
			made[n] = m.deep(item)
		}
		return made
	case map[string]any:
		made := make(map[string]any, len(value))
		for key, item := range value {
			made[m.text(key)] = m.deep(item)
		}
		return made
	default:
		return value
	}
}

func spellings(secret string) []string {
	found := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), unquoted(strconv.Quote(secret))}
	if escaped, err := json.Marshal(secret); err == nil {
		found = append(found, unquoted(string(escaped)))
	}
	// A key in PEM form is printed line by line.
	for line := range strings.Lines(secret) {
		if line = strings.TrimSpace(line); len(line) >= 8 {
			found = append(found, line)
		}
	}
	return found
}

func unquoted(text string) string { return text[1 : len(text)-1] }
