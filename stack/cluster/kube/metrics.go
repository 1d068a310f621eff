package main

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/cert"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// serveMetrics answers what an autoscaler asks of the metrics server: how much each pod uses. No
// pod here runs, so every container is said to use what stands in file, 250m for example.
func serveMetrics(address, file string) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	certificate, key, err := cert.GenerateSelfSignedCertKey("localhost", nil, nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	answers := http.NewServeMux()
	const root = "/apis/metrics.k8s.io/v1beta1"
	answers.HandleFunc("GET "+root, func(w http.ResponseWriter, _ *http.Request) {
		write(w, metav1.APIResourceList{
			TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
			GroupVersion: "metrics.k8s.io/v1beta1",
			APIResources: []metav1.APIResource{
				{Name: "pods", Namespaced: true, Kind: "PodMetrics", Verbs: []string{"get", "list"}},
			},
		})
	})
	answers.HandleFunc("GET "+root+"/namespaces/{namespace}/pods", func(w http.ResponseWriter, r *http.Request) {
		cpu, err := cpuUsage(file)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		pods, err := client.CoreV1().Pods(r.PathValue("namespace")).List(r.Context(), metav1.ListOptions{
			LabelSelector: r.URL.Query().Get("labelSelector"),
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		write(w, podMetrics(pods.Items, cpu))
	})
	server := http.Server{
		Addr:              address,
		Handler:           answers,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{pair}},
		ReadHeaderTimeout: 10 * time.Second,
	}
	return server.ListenAndServeTLS("", "")
}

func cpuUsage(file string) (resource.Quantity, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return resource.Quantity{}, err
	}
	return resource.ParseQuantity(strings.TrimSpace(string(text)))
}

func podMetrics(pods []corev1.Pod, cpu resource.Quantity) metricsv1beta1.PodMetricsList {
	list := metricsv1beta1.PodMetricsList{
		TypeMeta: metav1.TypeMeta{Kind: "PodMetricsList", APIVersion: "metrics.k8s.io/v1beta1"},
	}
	for _, pod := range pods {
		metrics := metricsv1beta1.PodMetrics{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels},
			Timestamp:  metav1.Now(),
			Window:     metav1.Duration{Duration: time.Second},
		}
		for _, container := range pod.Spec.Containers {
			metrics.Containers = append(metrics.Containers, metricsv1beta1.ContainerMetrics{
				Name:  container.Name,
				Usage: corev1.ResourceList{corev1.ResourceCPU: cpu},
			})
		}
		list.Items = append(list.Items, metrics)
	}
	return list
}

func write(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
