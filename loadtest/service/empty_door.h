// The baseline of the doors: EventService with raw callback handlers that only answer. The bytes of
// a request are not looked at; an answer has as many bytes as the matcher's to the same request.
#ifndef LOADTEST_SERVICE_EMPTY_DOOR_H_
#define LOADTEST_SERVICE_EMPTY_DOOR_H_

#include <grpcpp/grpcpp.h>

#include <cstddef>

#include "services/event_matcher/event_door.h"

namespace cievents::loadtest {

class EmptyDoor final : public event_matcher::RawEventService {
 public:
  // Bytes of the answer to a batch in a stream, and to a unary call.
  EmptyDoor(size_t stream_answer_bytes, size_t unary_answer_bytes);

  grpc::ServerUnaryReactor* PublishEvents(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamEvents(
      grpc::CallbackServerContext* context) override;

 private:
  const std::string stream_answer_;
  const std::string unary_answer_;
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_EMPTY_DOOR_H_
