package main

import (
	"github.com/dapr/components-contrib/nameresolution/kubernetes"
	"github.com/dapr/components-contrib/nameresolution/mdns"
	"github.com/dapr/components-contrib/nameresolution/nameformat"
	"github.com/dapr/components-contrib/pubsub/kafka"
	kubernetessecrets "github.com/dapr/components-contrib/secretstores/kubernetes"
	"github.com/dapr/components-contrib/secretstores/local/env"
	"github.com/dapr/components-contrib/secretstores/local/file"
	postgresv1 "github.com/dapr/components-contrib/state/postgresql/v1"
	postgresv2 "github.com/dapr/components-contrib/state/postgresql/v2"

	"github.com/dapr/dapr/pkg/components"
	"github.com/dapr/dapr/pkg/components/nameresolution"
	"github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/dapr/pkg/components/secretstores"
	"github.com/dapr/dapr/pkg/components/state"
	"github.com/dapr/dapr/pkg/runtime/registry"
	"github.com/dapr/kit/logger"
)

const componentNames = "pubsub.kafka, state.postgresql v1 and v2, " +
	"secretstores.local.file, secretstores.local.env, secretstores.kubernetes, " +
	"and name resolution by nameformat, mdns or kubernetes"

// registered is everything a resource file may name.
func registered() *registry.Options {
	componentLog := logger.NewLogger("dapr.contrib")

	states := state.NewRegistry()
	states.Logger = componentLog
	states.RegisterComponentWithVersions("postgresql", components.Versioning{
		Preferred: components.VersionConstructor{Version: "v2", Constructor: postgresv2.NewPostgreSQLStateStore},
		Others: []components.VersionConstructor{
			{Version: "v1", Constructor: postgresv1.NewPostgreSQLStateStore},
		},
		// What a file without a version means is Dapr's choice, not ours.
		Default: "v1",
	})

	topics := pubsub.NewRegistry()
	topics.Logger = componentLog
	topics.RegisterComponent(kafka.NewKafka, "kafka")

	secrets := secretstores.NewRegistry()
	secrets.Logger = componentLog
	secrets.RegisterComponent(file.NewLocalSecretStore, "local.file")
	secrets.RegisterComponent(env.NewEnvSecretStore, "local.env")
	secrets.RegisterComponent(kubernetessecrets.NewKubernetesSecretStore, "kubernetes")

	names := nameresolution.NewRegistry()
	names.Logger = componentLog
	names.RegisterComponent(nameformat.NewResolver, "nameformat")
	names.RegisterComponent(mdns.NewResolver, "mdns")
	names.RegisterComponent(kubernetes.NewResolver, "kubernetes")

	return registry.NewOptions().
		WithStateStores(states).
		WithPubSubs(topics).
		WithSecretStores(secrets).
		WithNameResolutions(names)
}
