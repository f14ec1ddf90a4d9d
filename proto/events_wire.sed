# Makes the wire twin of cievents/events/v1/events.proto (see CMakeLists.txt).
s/^package cievents\.events\.v1;/package cievents.events.wire;/
/^import "io\/cloudevents\//d
/^service EventService {/,/^}/d
s/repeated Event events =/repeated bytes events =/
s/repeated io\.cloudevents\.v1\.CloudEvent events =/repeated bytes events =/
s/\([ ]\)string \([a-z_]* = \)/\1bytes \2/
