//go:build tools

// Package servers names the commands of Dapr that are built as they are, so
// that go.mod keeps what they need.
package servers

import (
	_ "github.com/dapr/dapr/cmd/placement/app"
	_ "github.com/dapr/dapr/cmd/scheduler/app"
	_ "github.com/dapr/dapr/cmd/sentry/app"
)
