// Command kube-network-policies decides on new connections of pods with the controller of the project of that name. Unlike
// the project's own command it runs outside of the cluster, and its caller makes the rules that queue connections: the
// controller's own need an nftables expression that not every kernel has.
package main

import (
	"context"
	"flag"
	"io"
	"log"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file that says where the API server is")
	node := flag.String("hostname-override", "", "name of this node")
	queue := flag.Int("nfqueue-id", 100, "queue in which the kernel puts new connections")
	flag.Parse()
	quiet()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	config := networkpolicy.Config{
		NodeName: *node,
		QueueID:  *queue,
		// Too long for any kernel, so that the controller's own rules are nowhere.
		NFTableName: strings.Repeat("x", 256),
	}
	err := run(ctx, *kubeconfig, config)
	if err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

// quiet drops the controller's messages: each change is followed by several about its own rules.
func quiet() {
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			log.Fatal(err)
		}
	}
	klog.SetOutput(io.Discard)
}

func run(ctx context.Context, kubeconfig string, config networkpolicy.Config) error {
	server, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	// Unlike JSON it does not tell an empty list of rules, which denies, from none.
	server.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(server)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := networkpolicy.NewController(
		client,
		factory.Networking().V1().NetworkPolicies(),
		factory.Core().V1().Namespaces(),
		factory.Core().V1().Pods(),
		nil, nil, nil, nil,
		config,
	)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	return controller.Run(ctx)
}
