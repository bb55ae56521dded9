package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/cmd/earshot/demo"
	"earshot/ingest"
	"earshot/media/src"
	"earshot/metrics/query"
)

// send plays all scripts at the same time, calls in real time, and returns
// their interactions by script.
func (d *demoRun) send(ctx context.Context, s *system, addr string) ([]earshot.InteractionID, error) {
	ids := make([]earshot.InteractionID, len(d.scripts))
	calls, longest := make([]src.Options, len(d.scripts)), time.Duration(0)
	for k, script := range d.scripts {
		if script.Channel != earshot.Voice {
			continue
		}
		fmt.Fprintf(d.out, "Speaking %s: %s\n", script.ID, script.Title)
		spoken, err := script.Speak(ctx)
		if err != nil {
			return nil, err
		}
		longest = max(longest, length(spoken.Agent, spoken.Rate))
		calls[k] = callOptions(script, spoken, "sip:"+strings.TrimPrefix(s.cfg.Media.Listen[0], "udp:"))
	}
	fmt.Fprintf(d.out, "Sending %d conversations; the longest call takes %v ...\n", len(d.scripts), longest.Round(time.Second))
	stop := progress(d.out, "calling", longest)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	for k, script := range d.scripts {
		g.Go(func() (err error) {
			if script.Channel == earshot.Voice {
				var r src.Result
				r, err = src.Call(ctx, calls[k])
				ids[k] = r.InteractionID
			} else {
				ids[k], err = d.chat(ctx, script, addr)
			}
			if err != nil {
				return fmt.Errorf("cannot send %s: %w", script.ID, err)
			}
			return nil
		})
	}
	return ids, g.Wait()
}

func callOptions(s demo.Script, spoken demo.Spoken, target string) src.Options {
	return src.Options{
		Target: target, Codec: earshot.G722,
		Agent: src.PCM(spoken.Rate, spoken.Agent), Customer: src.PCM(spoken.Rate, spoken.Customer),
		AgentName: s.Agent.Name, AgentAoR: "sip:" + s.Agent.ID + "@agents.example.com",
		CustomerTel: s.Customer.Address, CustomerID: s.Customer.ID,
		Queue: s.Queue, Language: s.Language, Attributes: map[string]string{"script": s.ID},
	}
}

// chat posts a script's messages and its end as a chat platform would. The
// times lie in the past, so that nobody has to wait for them.
func (d *demoRun) chat(ctx context.Context, s demo.Script, addr string) (earshot.InteractionID, error) {
	conversation := s.ID + "-" + d.id
	var total time.Duration
	for _, turn := range s.Turns {
		total += turn.Pause()
	}
	at := time.Now().Add(-total - time.Minute).Truncate(time.Millisecond)
	var messages []ingest.Message
	for k, turn := range s.Turns {
		at = at.Add(turn.Pause())
		messages = append(messages, ingest.Message{
			ID: fmt.Sprintf("%s-%d", conversation, k), ConversationID: conversation, Channel: s.Channel,
			Role: turn.Role, Text: turn.Text, SentAt: at, Agent: earshot.AgentID(s.Agent.ID), AgentName: s.Agent.Name,
			Customer: earshot.CustomerID(s.Customer.ID), CustomerAddress: s.Customer.Address,
			Queue: s.Queue, Language: s.Language, Attributes: map[string]string{"script": s.ID},
		})
	}
	if err := postJSON(ctx, "http://"+addr+"/v1/messages", messages); err != nil {
		return "", err
	}
	return earshot.ConversationID("", s.Channel, conversation), postJSON(ctx, "http://"+addr+"/v1/events", ingest.Event{
		ID: conversation + "-end", Type: earshot.InteractionEnded, At: at.Add(5 * time.Second),
		Channel: s.Channel, ConversationID: conversation,
	})
}

func postJSON(ctx context.Context, url string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("cannot write request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("cannot make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("cannot post: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("cannot read answer: %w", err)
	}
	if res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("the API answered %s: %s", res.Status, bytes.TrimSpace(answer))
	}
	return nil
}

// wait returns when every interaction has its final evaluation.
func (d *demoRun) wait(ctx context.Context, s *system, ids []earshot.InteractionID) ([]demoResult, error) {
	fmt.Fprintln(d.out, "Everything is sent; waiting until all of it is transcribed and scored ...")
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	results := make([]demoResult, len(ids))
	for k := 0; k < len(ids); {
		detail, err := s.store.Interaction(ctx, ids[k])
		if err == nil {
			results[k] = result(d.scripts[k], ids[k], detail)
		}
		if err == nil && results[k].Score != nil {
			k++
			continue
		}
		if err != nil && earshot.KindOf(err) != earshot.NotFound {
			return nil, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, earshot.Errorf(earshot.Unavailable, "%s has no score after %v; run again with --verbose to see why", d.scripts[k].ID, patience)
		}
	}
	return results, nil
}

// result compares what came out with the script. Its score stays nil until the
// final evaluation and as many utterances as it saw are there.
func result(s demo.Script, id earshot.InteractionID, d query.Detail) demoResult {
	r := demoResult{
		ID: id, Script: s.ID, Channel: s.Channel, Agent: d.Interaction.AgentName, Utterances: len(d.Utterances),
		Failed: []string{}, Expected: []string{},
	}
	for _, c := range s.Expect.Failed {
		r.Expected = append(r.Expected, string(c))
	}
	slices.Sort(r.Expected)
	for _, e := range d.Evaluations {
		if e.Track != earshot.TrackFinal || !e.Scored || len(d.Utterances) < e.Utterances {
			continue
		}
		score := e.Score
		r.Score = &score
		for _, a := range e.Answers {
			if a.Verdict == earshot.Fail {
				r.Failed = append(r.Failed, string(a.Criterion))
			}
		}
	}
	slices.Sort(r.Failed)
	if s.Channel == earshot.Voice {
		rate := s.WER(d.Utterances).Rate()
		r.WER = &rate
	}
	return r
}
