// Command kstatus tells how objects stand, by the judgement that Flux and other tools of delivery share.
// It reads objects from stdin, as JSON documents one after another or as a list, and prints for each, in order, one line:
//
//	{"kind":"Channel","namespace":"shop","name":"web","status":"Current","message":"..."}
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Status    string `json:"status"`
	Message   string `json:"message"`
}

func main() {
	if err := judgeAll(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "kstatus: %v\n", err)
		os.Exit(1)
	}
}

func judgeAll(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	encoder := json.NewEncoder(out)
	for number := 1; ; number++ {
		// Raw, because unstructured objects tell whole numbers from others only with their own decoder.
		var document json.RawMessage
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("document %d is no JSON: %w", number, err)
		}
		objects, err := objectsOf(document)
		if err != nil {
			return fmt.Errorf("document %d is no object: %w", number, err)
		}
		for index := range objects {
			judged, err := judge(&objects[index])
			if err != nil {
				return err
			}
			if err := encoder.Encode(judged); err != nil {
				return fmt.Errorf("print a verdict: %w", err)
			}
		}
	}
}

func objectsOf(document []byte) ([]unstructured.Unstructured, error) {
	object := unstructured.Unstructured{}
	if err := object.UnmarshalJSON(document); err != nil {
		return nil, err
	}
	if !object.IsList() {
		return []unstructured.Unstructured{object}, nil
	}
	list, err := object.ToList()
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

func judge(object *unstructured.Unstructured) (verdict, error) {
	result, err := status.Compute(object)
	if err != nil {
		return verdict{}, fmt.Errorf("judge %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
	return verdict{
		Kind:      object.GetKind(),
		Namespace: object.GetNamespace(),
		Name:      object.GetName(),
		Status:    result.Status.String(),
		Message:   result.Message,
	}, nil
}
