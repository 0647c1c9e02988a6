package plugway

import (
	"context"
	"encoding/json"
	"net/http"
)

// Answers that the SDK makes in the handler's stead: RFC 9457 problem documents.

func internalError(ctx context.Context) (http.Header, []byte) {
	call, _ := Current(ctx)
	id := call.RequestID
	if id == "" {
		id = "-"
	}
	return problem(http.StatusInternalServerError, "plugin-failed", "The plugin failed",
		"See the plugin's log for request "+id+".", "")
}

func notConfigured() (http.Header, []byte) {
	return problem(http.StatusServiceUnavailable, "plugin-not-configured", "Settings are missing",
		"This plugin works once its required settings are saved.", "not-configured")
}

func problem(status int, key, title, detail, reason string) (http.Header, []byte) {
	document, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Reason string `json:"reason,omitempty"`
	}{"urn:plugway:problem:" + key, title, status, detail, reason})
	if err != nil {
		panic(err) // strings and a number always become JSON
	}
	return http.Header{"Content-Type": {"application/problem+json"}}, document
}
