package bus

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"earshot"
)

// kafkaError wraps err with the kind that it has for a caller of the bus.
func kafkaError(err error, format string, args ...any) error {
	return earshot.Errorf(kafkaKind(err), "%s: %w", fmt.Sprintf(format, args...), err)
}

func unavailable(err error, format string, args ...any) error {
	return earshot.Errorf(earshot.Unavailable, "%s: %w", fmt.Sprintf(format, args...), err)
}

// kafkaKind sorts the errors of Kafka: what no retry mends is the record's or
// the permission's fault, all else is an outage.
func kafkaKind(err error) earshot.Kind {
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge), errors.Is(err, kerr.InvalidRecord):
		return earshot.Invalid
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed),
		errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.SaslAuthenticationFailed):
		return earshot.Denied
	case errors.Is(err, kerr.InvalidReplicationFactor), errors.Is(err, kerr.InvalidPartitions), errors.Is(err, kerr.PolicyViolation):
		return earshot.Invalid
	default:
		return earshot.Unavailable
	}
}
