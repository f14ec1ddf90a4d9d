# First contact with a real client: what the GitLab backend (Ruby, grpc 1.51) calls, in the order in
# which it calls it. The stubs are generated from the public protos by the build. Every answer is
# checked; the last line says `ruby client: ok`.
# Usage: ruby -I STUBS gitlab_backend.rb HOST:PORT
require 'digest'
require 'grpc'
require 'json'
require 'securerandom'
require 'cievents/config/v1/config_services_pb'
require 'cievents/events/v1/events_services_pb'
require 'cievents/pipelines/v1/pipelines_services_pb'

Config = Cievents::Config::V1
Events = Cievents::Events::V1
Pipelines = Cievents::Pipelines::V1

PROJECT_ID = 4242
NAMESPACE_IDS = [42, 424].freeze
FILES = {
  '.gitlab-ci.yml' => "include:\n  - {local: ci/deploy.yml, inputs: {environment: production}}\n",
  'ci/deploy.yml' => "spec:\n  events: [merge_request/merged]\n---\ndeploy: {script: ./deploy}\n",
  '.gitlab/ci/events/triage.yml' => "spec:\n  events: ['issue/*']\n---\ntriage: {script: ./triage}\n"
}.freeze

$checks = 0

def check(what, actual, expected)
  $checks += 1
  return if expected === actual

  raise "#{what}: #{actual.inspect}, but it must be #{expected.inspect}"
end

# Tries again for a while: for what another thread of the server does.
def eventually(what)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 30
  until yield
    raise "#{what}: not after 30 s" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

    sleep 0.02
  end
end

# A push sends the manifest, and contents only of what is asked for.
class ConfigPusher
  ROUNDS_MAX = 5

  def initialize(stub)
    @stub = stub
  end

  attr_reader :asked_for

  def push(files, sequence:)
    request = Config::PushConfigRequest.new(
      project_id: PROJECT_ID, namespace_ids: NAMESPACE_IDS, project_path: 'acme/web/shop',
      ref: 'refs/heads/main', default_branch: 'main', commit_sha: SecureRandom.hex(20),
      push_sequence: sequence, run_as_user_id: 7, has_manifest: true,
      manifest: files.map do |path, content|
        Config::ManifestEntry.new(path: path, blob_id: Digest::SHA1.hexdigest("blob #{content}"))
      end
    )
    @asked_for = []
    ROUNDS_MAX.times do
      response = @stub.push_config(request, deadline: Time.now + 30)
      return response unless response.result == :PUSH_RESULT_NEEDS_CONTENT

      response.needs_content.each do |path|
        @asked_for << path
        request.files << Config::FileContent.new(path: path, content: files.fetch(path).b)
      end
    end
    raise 'the server still asks for contents'
  end
end

def event(name, id: SecureRandom.uuid, data: {})
  now = Time.now
  Events::Event.new(
    id: id, source: 'gitlab', names: [name], project_id: PROJECT_ID, namespace_ids: NAMESPACE_IDS,
    time: Google::Protobuf::Timestamp.new(seconds: now.to_i, nanos: now.nsec / 1_000_000 * 1_000_000),
    actor: Events::Actor.new(user_id: 7, username: 'ada', access_level: 40),
    subject: 'merge_requests/17', data: JSON.generate(data).b, correlation_id: 'ruby-1'
  )
end

endpoint = ARGV.fetch(0)
config = Config::ConfigService::Stub.new(endpoint, :this_channel_is_insecure)
events = Events::EventService::Stub.new(endpoint, :this_channel_is_insecure)
pipelines = Pipelines::PipelineService::Stub.new(endpoint, :this_channel_is_insecure)

# PushConfig, with its rounds.
pusher = ConfigPusher.new(config)
pushed = pusher.push(FILES, sequence: 1)
check('the first push', pushed.result, :PUSH_RESULT_APPLIED)
check('subscriptions added', pushed.added, 2)
check('contents asked for', pusher.asked_for.sort, FILES.keys.sort)
check('paths', pushed.subscriptions.map(&:path), ['.gitlab/ci/events/triage.yml', 'ci/deploy.yml'])
check('ids', pushed.subscriptions.map(&:subscription_id), ->(ids) { ids.all?(&:positive?) })

check('an older push', pusher.push(FILES, sequence: 1).result, :PUSH_RESULT_STALE)
again = pusher.push(FILES, sequence: 2)
check('an equal push', [again.added, again.updated, again.removed], [0, 0, 0])
check('contents of known blobs', pusher.asked_for, [])
broken = pusher.push(FILES.merge('ci/deploy.yml' => "spec: {evnets: [tag/created]}\n---\n"), sequence: 3)
check('a broken file', broken.result, :PUSH_RESULT_APPLIED_WITH_ERRORS)
check('its issue', broken.issues.map { |issue| [issue.code, issue.file, issue.line, issue.severity] },
      [['unknown-key', 'ci/deploy.yml', 1, :SEVERITY_ERROR]])
check('its advice', broken.issues[0].suggestion, /events/)
check('the fixed file', pusher.push(FILES, sequence: 4).result, :PUSH_RESULT_APPLIED)
listed = config.list_subscriptions(Config::ListSubscriptionsRequest.new(project_id: PROJECT_ID))
check('listed', listed.subscriptions.map(&:subscription_id).sort,
      pushed.subscriptions.map(&:subscription_id).sort)

# PublishEvents: the matcher follows a push within milliseconds.
eventually('the matcher sees the push') do
  probe = Events::PublishEventsRequest.new(events: [event('issue/created')])
  events.publish_events(probe).outcomes[0].matched_count == 1
end
merged = event('merge_request/merged', data: { object_attributes: { iid: 17, title: "Käse \u{1F9C0}" } })
bad = event('merge_request/merged', id: '')
batch = Events::PublishEventsRequest.new(events: [merged, event('tag/created'), bad],
                                         ack: :ACK_LEVEL_DURABLE)
outcomes = events.publish_events(batch, deadline: Time.now + 30).outcomes
check('kinds', outcomes.map(&:kind), %i[OUTCOME_KIND_ACCEPTED OUTCOME_KIND_ACCEPTED OUTCOME_KIND_REJECTED])
check('matched', outcomes.map { |one| one.has_matched_count? && one.matched_count }, [1, 0, false])
check('acks', outcomes.map(&:ack), %i[ACK_LEVEL_DURABLE ACK_LEVEL_DURABLE ACK_LEVEL_UNSPECIFIED])
check('the reason', outcomes[2].reason, :OUTCOME_REASON_INVALID)
check('the message', outcomes[2].message, /id/)
retried = events.publish_events(batch).outcomes
check('a retry', retried[0].kind, :OUTCOME_KIND_DUPLICATE)
check('its uid', retried[0].event_uid, outcomes[0].event_uid)

# StreamEvents, which a long-lived producer uses.
batches = (1..20).map do |id|
  Events::StreamEventsRequest.new(batch_id: id, events: [event('tag/created'), event('issue/closed')])
end
answers = events.stream_events(batches.each, deadline: Time.now + 30).to_a
check('stream answers', answers.map(&:batch_id).sort, (1..20).to_a)
check('stream matches', answers.flat_map { |one| one.outcomes.map(&:matched_count) }, [0, 1] * 20)

# Leases: a worker takes, extends, completes.
owner = "ruby-#{Process.pid}"
leased = []
loop do
  lease = pipelines.lease_pipeline_requests(
    Pipelines::LeasePipelineRequestsRequest.new(
      owner: owner, max_requests: 100, lease_duration: Google::Protobuf::Duration.new(seconds: 60)
    )
  )
  break if lease.requests.empty?

  leased.concat(lease.requests.to_a)
end
deploys = leased.select { |request| request.path == 'ci/deploy.yml' }
check('deploys', deploys.size, 1)
check('triages', leased.size - deploys.size, 21)
deploy = deploys[0]
check('request id', deploy.request_id, "#{outcomes[0].event_uid}:#{deploy.subscription_id}")
check('inputs', JSON.parse(deploy.inputs_json), { 'environment' => 'production' })
check('ref', deploy.ref, 'main')
check('run as', deploy.run_as_user_id, 7)
check('event name', deploy.event_name, 'merge_request/merged')
check('payload', deploy.event_data, merged.data)
check('payload text', JSON.parse(deploy.event_data).dig('object_attributes', 'title'), "Käse \u{1F9C0}")
extended = pipelines.extend_leases(Pipelines::ExtendLeasesRequest.new(owner: owner))
check('extended', extended.extended_count, leased.size)

complete = lambda do |request, **fields|
  pipelines.complete_pipeline_request(
    Pipelines::CompletePipelineRequestRequest.new(
      request_id: request.request_id, owner: owner, attempt: request.attempt,
      kind: :COMPLETION_KIND_CREATED, pipeline_id: 1000, **fields
    )
  )
end
begin
  complete.call(deploy, owner: 'somebody-else')
  raise 'a stranger completed a request'
rescue GRPC::FailedPrecondition => e
  check('the refusal', e.details, /not leased/)
end
leased.each { |request| complete.call(request) }
begin
  complete.call(deploy)
  raise 'a request was completed twice'
rescue GRPC::FailedPrecondition
  $checks += 1
end

# A call that is malformed as a whole is an error of the call.
begin
  events.publish_events(Events::PublishEventsRequest.new)
  raise 'an empty batch was taken'
rescue GRPC::InvalidArgument => e
  check('an empty batch', e.details, /1 to 1024/)
end

puts "ruby client: ok, #{$checks} checks, #{leased.size} pipeline requests completed"
