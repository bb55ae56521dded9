// Package earshot holds the words of the domain that two roles exchange by
// topic or table: Interaction, Leg, Utterance, Event, Evaluation, Alert and
// Review, with their wire form. It imports only the standard library and does
// no I/O.
package earshot
