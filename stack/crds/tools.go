//go:build tools

// Package crds names a small package of the operator, so that go.mod keeps its module.
package crds

import _ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
