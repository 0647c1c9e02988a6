package plugway

import (
	"crypto/rand"
	"strconv"
	"sync"
	"time"
)

// An answer that nobody reads is given up after this.
const continuationLife = 30 * time.Second

// continuations are answers that go on, kept until ReadBody comes for them. A token is used once.
type continuations struct {
	// Keeps a token of an earlier process from naming an answer of this one.
	prefix string
	mu     sync.Mutex
	number uint64
	kept   map[string]kept
}

type kept struct {
	call  *httpCall
	timer *time.Timer
}

func newContinuations() *continuations {
	return &continuations{prefix: rand.Text() + "-", kept: map[string]kept{}}
}

func (c *continuations) keep(call *httpCall) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	token := c.prefix + strconv.FormatUint(c.number, 10)
	timer := time.AfterFunc(continuationLife, func() {
		if call := c.take(token); call != nil {
			call.leave()
		}
	})
	c.kept[token] = kept{call, timer}
	return token
}

// take is nil for a token that was used, has expired or was never given.
func (c *continuations) take(token string) *httpCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, there := c.kept[token]
	if !there {
		return nil
	}
	delete(c.kept, token)
	found.timer.Stop()
	return found.call
}
