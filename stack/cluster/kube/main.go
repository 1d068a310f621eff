// Command kube is the control plane of a Kubernetes cluster in one program: its
// first argument says which of the servers, or kubectl, it is to be.
//
// One program instead of five shares what they link, and a few helpers of the
// tests find the same libraries in it.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

const usage = `usage: kube WHAT [flag ...]
  etcd, apiserver, controller-manager, scheduler, kubectl
  key FILE                    writes a key that signs tokens of service accounts
  json                        reads YAML documents, writes them as a JSON array
  metrics ADDRESS FILE        serves metrics.k8s.io: every container uses the CPU that FILE says
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	what, args := os.Args[1], os.Args[2:]
	// The servers read their flags themselves.
	os.Args = append([]string{what}, args...)
	switch {
	case what == "etcd":
		etcdmain.Main(os.Args)
	case what == "apiserver":
		run(apiserver.NewAPIServerCommand())
	case what == "controller-manager":
		run(controllers.NewControllerManagerCommand())
	case what == "scheduler":
		run(scheduler.NewSchedulerCommand())
	case what == "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			util.CheckErr(err)
		}
	case what == "key" && len(args) == 1:
		end(writeKey(args[0]))
	case what == "json" && len(args) == 0:
		end(toJSON(os.Stdin, os.Stdout))
	case what == "metrics" && len(args) == 2:
		end(serveMetrics(args[0], args[1]))
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "kube:", err)
		os.Exit(1)
	}
}
