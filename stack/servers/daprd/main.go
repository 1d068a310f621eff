// Command daprd is Dapr's sidecar with the few components this project uses.
//
// Dapr's own command links every component there is and needs modules that are
// not on the module proxy. The runtime behind it is a public package, so this
// main registers our components and hands over to it; flags, APIs and behaviour
// are those of the release named in go.mod.
package main

import (
	"context"
	"fmt"
	"os"

	"go.opencensus.io/stats/view"

	"github.com/dapr/dapr/cmd/daprd/options"
	"github.com/dapr/dapr/pkg/buildinfo"
	"github.com/dapr/dapr/pkg/healthz"
	"github.com/dapr/dapr/pkg/metrics"
	"github.com/dapr/dapr/pkg/modes"
	"github.com/dapr/dapr/pkg/runtime"
	"github.com/dapr/dapr/pkg/security"
	"github.com/dapr/kit/concurrency"
	"github.com/dapr/kit/logger"
	"github.com/dapr/kit/signals"
)

var log = logger.NewLogger("dapr.runtime")

func main() {
	opts, err := options.New(os.Args[1:])
	if err != nil {
		log.Fatalf("the flags cannot be read: %v", err)
	}
	switch {
	case opts.RuntimeVersion:
		fmt.Println(buildinfo.Version())
		return
	case opts.BuildInfo:
		fmt.Printf("Version: %s\nComponents: %s\n", buildinfo.Version(), componentNames)
		return
	case opts.WaitCommand:
		runtime.WaitUntilDaprOutboundReady(opts.DaprHTTPPort)
		return
	}

	opts.Logger.SetAppID(opts.AppID)
	if err := logger.ApplyOptionsToLoggers(&opts.Logger); err != nil {
		log.Fatal(err)
	}
	log.Infof("daprd %s with the components %s", buildinfo.Version(), componentNames)

	if err := serve(signals.Context(), opts); err != nil {
		log.Fatalf("the sidecar ended: %v", err)
	}
	log.Info("the sidecar has stopped")
}

// serve runs the sidecar and what keeps its certificates fresh until ctx ends.
func serve(ctx context.Context, opts *options.Options) error {
	health := healthz.New()
	certificates, err := security.New(ctx, security.Options{
		SentryAddress:           opts.SentryAddress,
		ControlPlaneTrustDomain: opts.ControlPlaneTrustDomain,
		ControlPlaneNamespace:   opts.ControlPlaneNamespace,
		TrustAnchors:            opts.TrustAnchors,
		AppID:                   opts.AppID,
		MTLSEnabled:             opts.EnableMTLS,
		Mode:                    modes.DaprMode(opts.Mode),
		Healthz:                 health,
		JwtAudiences:            opts.SentryRequestJwtAudiences,
	})
	if err != nil {
		return err
	}

	sidecar := func(ctx context.Context) error {
		handler, err := certificates.Handler(ctx)
		if err != nil {
			return err
		}
		instance, err := runtime.FromConfig(ctx, config(opts, health, handler))
		if err != nil {
			return err
		}
		return instance.Run(ctx)
	}
	return concurrency.NewRunnerManager(certificates.Run, sidecar).Run(ctx)
}

// config hands every flag on to the runtime.
func config(opts *options.Options, health healthz.Healthz, handler security.Handler) *runtime.Config {
	return &runtime.Config{
		Registry: registered(),
		Security: handler,
		Healthz:  health,

		AppID:                    opts.AppID,
		Mode:                     opts.Mode,
		Config:                   opts.Config,
		ResourcesPath:            opts.ResourcesPath,
		ComponentsPath:           opts.ComponentsPath,
		ControlPlaneAddress:      opts.ControlPlaneAddress,
		SentryAddress:            opts.SentryAddress,
		EnableMTLS:               opts.EnableMTLS,
		EnableProfiling:          opts.EnableProfiling,
		EnableAPILogging:         opts.EnableAPILogging,
		AllowedOrigins:           opts.AllowedOrigins,
		DisableInitEndpoints:     opts.DisableInitEndpoints,
		MaxRequestSize:           opts.MaxRequestSize,
		ReadBufferSize:           opts.ReadBufferSize,
		UnixDomainSocket:         opts.UnixDomainSocket,
		AppBindingOptionsTimeout: opts.AppBindingOptionsTimeout,

		DisableBuiltinK8sSecretStore: opts.DisableBuiltinK8sSecretStore,
		DaprGracefulShutdownSeconds:  opts.DaprGracefulShutdownSeconds,
		DaprBlockShutdownDuration:    opts.DaprBlockShutdownDuration,
		HotReloadReconcileInterval:   opts.HotReloadReconcileInterval,

		ActorsService:              opts.ActorsService,
		ActorsDisseminationTimeout: opts.ActorsDisseminationTimeout,
		RemindersService:           opts.RemindersService,
		SchedulerAddress:           opts.SchedulerAddress,
		SchedulerStreams:           opts.SchedulerJobStreams,

		DaprHTTPPort:                  opts.DaprHTTPPort,
		DaprAPIGRPCPort:               opts.DaprAPIGRPCPort,
		DaprAPIListenAddresses:        opts.DaprAPIListenAddresses,
		DaprInternalGRPCPort:          opts.DaprInternalGRPCPort,
		DaprInternalGRPCListenAddress: opts.DaprInternalGRPCListenAddress,
		DaprPublicPort:                opts.DaprPublicPort,
		DaprPublicListenAddress:       opts.DaprPublicListenAddress,
		ProfilePort:                   opts.ProfilePort,

		ApplicationPort:        opts.AppPort,
		AppProtocol:            opts.AppProtocol,
		AppSSL:                 opts.AppSSL,
		AppChannelAddress:      opts.AppChannelAddress,
		AppMaxConcurrency:      opts.AppMaxConcurrency,
		EnableAppHealthCheck:   opts.EnableAppHealthCheck,
		AppHealthCheckPath:     opts.AppHealthCheckPath,
		AppHealthProbeInterval: opts.AppHealthProbeInterval,
		AppHealthProbeTimeout:  opts.AppHealthProbeTimeout,
		AppHealthThreshold:     opts.AppHealthThreshold,

		Metrics: metrics.Options{
			Enabled:       opts.Metrics.Enabled(),
			Log:           log,
			Port:          opts.Metrics.Port(),
			ListenAddress: opts.Metrics.ListenAddress(),
			Namespace:     metrics.DefaultMetricNamespace,
			Healthz:       health,
			Meter:         view.NewMeter(),
		},
	}
}
