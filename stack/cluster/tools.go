//go:build tools

// Package cluster names the commands that are built as they are, so that go.mod
// keeps what they need.
package cluster

import (
	_ "helm.sh/helm/v3/cmd/helm"
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
