package kafka

// StartWithRetention is Start with another interval between retentions.
var StartWithRetention = start
