# Makes the wire twin of io/cloudevents/v1/cloudevents.proto (see ../CMakeLists.txt). A map's key cannot
# be bytes, so the map is spelled as what it is on the wire: repeated entries.
s/^package io\.cloudevents\.v1;/package cievents.cloudevents.wire;/
/^import "google\/protobuf\/any\.proto";/d
/^message CloudEventBatch {/,/^}/d
s/google\.protobuf\.Any proto_data =/bytes proto_data =/
s/^  map<string, CloudEventAttributeValue> attributes = 5;/  message AttributesEntry { bytes key = 1; CloudEventAttributeValue value = 2; }\
  repeated AttributesEntry attributes = 5;/
s/\([ ]\)string \([a-z_]* = \)/\1bytes \2/
