package plugway

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"time"
)

// logHandler writes one JSON object a line: at, level, logger, message, request_id where a call is being
// answered, and what the line adds. Secrets are masked, whoever writes it.
type logHandler struct{ slog.Handler }

func newLogHandler(to io.Writer, level, logger string, secrets *mask) slog.Handler {
	options := &slog.HandlerOptions{
		Level:       levelOf(level),
		ReplaceAttr: func(groups []string, attribute slog.Attr) slog.Attr { return logged(secrets, groups, attribute) },
	}
	return logHandler{slog.NewJSONHandler(to, options).WithAttrs([]slog.Attr{slog.String("logger", logger)})}
}

func levelOf(name string) slog.Level {
	switch strings.ToLower(name) {
	case "debug":
		return slog.LevelDebug
	case "warning":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	if call, ok := Current(ctx); ok && call.RequestID != "" {
		record.AddAttrs(slog.String("request_id", call.RequestID))
		if len(call.Traceparent) >= 35 {
			record.AddAttrs(slog.String("trace_id", call.Traceparent[3:35]))
		}
	}
	return h.Handler.Handle(ctx, record)
}

func (h logHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attributes)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

func logged(secrets *mask, groups []string, attribute slog.Attr) slog.Attr {
	value := attribute.Value
	if len(groups) == 0 {
		switch attribute.Key {
		case slog.TimeKey:
			if value.Kind() == slog.KindTime {
				return slog.String("at", value.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
			}
		case slog.LevelKey:
			if level, is := value.Any().(slog.Level); is {
				return slog.String("level", levelName(level))
			}
		case slog.MessageKey:
			return slog.String("message", secrets.text(value.String()))
		}
	}
	switch value.Kind() {
	case slog.KindString:
		attribute.Value = slog.StringValue(secrets.text(value.String()))
	case slog.KindDuration:
		attribute.Value = slog.StringValue(value.Duration().Round(time.Microsecond).String())
	case slog.KindAny:
		attribute.Value = maskedAny(secrets, value.Any())
	}
	return attribute
}

func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "debug"
	case level < slog.LevelWarn:
		return "info"
	case level < slog.LevelError:
		return "warning"
	default:
		return "error"
	}
}

func maskedAny(secrets *mask, value any) slog.Value {
	if err, is := value.(error); is {
		return slog.StringValue(secrets.text(err.Error()))
	}
	text, err := json.Marshal(value)
	if err != nil {
		return slog.StringValue("cannot be written as JSON")
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return slog.StringValue(secrets.text(string(text)))
	}
	return slog.AnyValue(secrets.deep(plain))
}
