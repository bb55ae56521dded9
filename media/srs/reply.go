package srs

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"earshot/media/siprec"
)

const (
	allow     = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, PRACK"
	accept    = siprec.TypeSDP + ", " + siprec.TypeMetadata + ", " + siprec.TypeMetadataOld + ", multipart/mixed"
	supported = "siprec"
)

// refusedError is an answer other than 200, with a reason that helps.
type refusedError struct {
	code    int
	reason  string
	headers []sip.Header
}

func (r *refusedError) Error() string { return strconv.Itoa(r.code) + " " + r.reason }

func refused(code int, reason string, headers ...sip.Header) *refusedError {
	return &refusedError{code, clean(reason), headers}
}

// reply makes a response with the headers that every response has.
func reply(req *sip.Request, code int, reason, tag string, body []byte) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, reason, body)
	if to := res.To(); to != nil && tag != "" {
		to.Params.Add("tag", tag)
	}
	res.AppendHeader(sip.NewHeader("Allow", allow))
	res.AppendHeader(sip.NewHeader("Supported", supported))
	res.AppendHeader(sip.NewHeader("Accept", accept))
	res.AppendHeader(sip.NewHeader("Server", "Earshot"))
	return res
}

func (s *Server) respond(tx sip.ServerTransaction, res *sip.Response) error {
	err := tx.Respond(res)
	if err != nil {
		s.deps.Log.Debug("cannot send response", "error", err, "status", res.StatusCode)
	}
	return err
}

func (s *Server) refuse(req *sip.Request, tx sip.ServerTransaction, r *refusedError) {
	res := reply(req, r.code, r.reason, "", nil)
	for _, h := range r.headers {
		res.AppendHeader(h)
	}
	if req.IsInvite() {
		s.stats.invites.WithLabelValues(strconv.Itoa(r.code)).Inc()
		s.deps.Log.Warn("call refused", "status", r.code, "reason", r.reason, "from", req.Source())
	}
	_ = s.respond(tx, res)
}

// requires says which options of the Require header are not known here. 100rel
// asks nothing of a server that sends no provisional response but 100
// (RFC 3262, section 3); "100relsiprec" is what one maker writes for both.
func requires(req *sip.Request) []string {
	var unknown []string
	for _, h := range req.GetHeaders("Require") {
		for _, tag := range strings.Split(h.Value(), ",") {
			switch tag = strings.ToLower(strings.TrimSpace(tag)); tag {
			case "", "siprec", "100rel", "100relsiprec":
			default:
				unknown = append(unknown, tag)
			}
		}
	}
	return unknown
}

// keyOf returns the dialog that a request belongs to, and the tag that it
// believes to be ours.
func keyOf(req *sip.Request) (key dialogKey, localTag string, ok bool) {
	from, to, id := req.From(), req.To(), req.CallID()
	if from == nil || to == nil || id == nil {
		return key, "", false
	}
	tag, _ := from.Params.Get("tag")
	localTag, _ = to.Params.Get("tag")
	return dialogKey{callID: id.Value(), remoteTag: tag}, localTag, true
}
