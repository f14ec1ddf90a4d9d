# A Ruby backend that retries: its matcher, a process of its own, is killed with SIGKILL in the middle, and
# once stopped in order. Every call that fails is repeated with the same events (same id, source and time).
# Then Postgres is counted: each event has exactly its requests, and none is there twice.
# Usage: ruby -I STUBS retrying_backend.rb CIEVENTS-BINARY POSTGRES-URL FOLDER
# REQUIRES: gitlab_backend.rb has pushed its project: one subscription to `issue/*`.
require 'grpc'
require 'json'
require 'securerandom'
require 'socket'
require 'cievents/events/v1/events_services_pb'

Events = Cievents::Events::V1

PROJECT_ID = 4242
NAMESPACE_IDS = [42, 424].freeze
SOURCE = 'ruby-retrying'
THREADS = 4
BATCHES = 30 # of each thread
BATCH_EVENTS = 20
EVENTS = THREADS * BATCHES * BATCH_EVENTS
PATIENCE_SECONDS = 60

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# Looks: what is waited for is the ready file of another process, or a count of all threads, and neither
# signals anybody. How late it is seen only moves the kill by some milliseconds.
def await(what)
  deadline = now + PATIENCE_SECONDS
  until yield
    raise "#{what}: not after #{PATIENCE_SECONDS} s" if now > deadline

    sleep 0.005
  end
end

# `cievents matcher`, at the same address over restarts.
class Matcher
  attr_reader :endpoint

  def initialize(binary, dsn, folder)
    @endpoint = "127.0.0.1:#{free_port}"
    @ready = File.join(folder, 'matcher.json')
    @log = File.join(folder, 'matcher.log')
    @command = [binary, 'matcher', '--database-url', dsn, '--listen', @endpoint, '--ready-file', @ready]
  end

  def start
    File.delete(@ready) if File.exist?(@ready)
    @pid = Process.spawn(*@command, err: [@log, 'a'])
    await('the matcher is ready') do
      raise "the matcher has ended: #{File.read(@log)}" if Process.wait(@pid, Process::WNOHANG)

      File.exist?(@ready)
    end
  end

  # With :KILL, or :TERM.
  def stop(signal)
    return if @pid.nil?

    Process.kill(signal, @pid)
    Process.wait(@pid)
    @pid = nil
  end

  private

  # Below the ports of outgoing connections: a client that looks for a dead server must not find itself.
  def free_port
    100.times do
      port = rand(15_000..32_000)
      TCPServer.new('127.0.0.1', port).close
      return port
    rescue Errno::EADDRINUSE
      next
    end
    raise 'no free port'
  end
end

# What is said of the calls, by all threads.
class Tally
  def initialize
    @mutex = Mutex.new
    @acknowledged = 0
    @failed_calls = 0
  end

  def acknowledge(count) = @mutex.synchronize { @acknowledged += count }
  def fail_call = @mutex.synchronize { @failed_calls += 1 }
  def acknowledged = @mutex.synchronize { @acknowledged }
  def failed_calls = @mutex.synchronize { @failed_calls }
end

def event
  time = Time.now
  Events::Event.new(
    id: SecureRandom.uuid, source: SOURCE, names: ['issue/created'], project_id: PROJECT_ID,
    namespace_ids: NAMESPACE_IDS, data: '{}'.b,
    time: Google::Protobuf::Timestamp.new(seconds: time.to_i, nanos: time.nsec / 1_000_000 * 1_000_000)
  )
end

# Until each of them is accepted: the retry of a producer, in a few lines.
def publish(stub, batch, tally)
  give_up = now + PATIENCE_SECONDS
  until batch.empty?
    raise 'events are never accepted' if now > give_up

    begin
      request = Events::PublishEventsRequest.new(events: batch)
      outcomes = stub.publish_events(request, deadline: Time.now + 10).outcomes
    rescue GRPC::Unavailable, GRPC::DeadlineExceeded, GRPC::Cancelled
      tally.fail_call
      sleep rand(0.01..0.1)
      next
    end
    again, taken = batch.zip(outcomes).partition { |_, outcome| outcome.kind == :OUTCOME_KIND_OVERLOADED }
    wrong = taken.find { |_, one| !%i[OUTCOME_KIND_ACCEPTED OUTCOME_KIND_DUPLICATE].include?(one.kind) }
    raise "an event is refused: #{wrong[1].inspect}" if wrong
    raise 'an event does not match its subscription' unless taken.all? { |_, one| one.matched_count == 1 }

    tally.acknowledge(taken.size)
    batch = again.map(&:first)
  end
end

def sql(dsn, statement)
  answer = IO.popen(['psql', dsn, '-Atc', statement], &:read).strip
  raise "psql: #{statement}" unless $?.success?

  answer
end

binary, dsn, folder = ARGV
matcher = Matcher.new(binary, dsn, folder)
at_exit { matcher.stop(:KILL) }
matcher.start
tally = Tally.new
# gRPC's own waits between two connections grow to two minutes: too long for a server that restarts.
channel_args = { 'grpc.initial_reconnect_backoff_ms' => 50, 'grpc.min_reconnect_backoff_ms' => 50,
                 'grpc.max_reconnect_backoff_ms' => 500 }
publishers = Array.new(THREADS) do
  Thread.new do
    stub = Events::EventService::Stub.new(matcher.endpoint, :this_channel_is_insecure, channel_args: channel_args)
    BATCHES.times { publish(stub, Array.new(BATCH_EVENTS) { event }, tally) }
  end
end
publishers.each { |thread| thread.abort_on_exception = true }
%i[KILL TERM KILL].each_with_index do |signal, i|
  await('the publishers go on') { tally.acknowledged >= EVENTS * (i + 1) / 4 }
  raise 'all is published before the matcher is stopped' if tally.acknowledged == EVENTS

  matcher.stop(signal)
  matcher.start
end
publishers.each(&:join)
raise "#{tally.acknowledged} of #{EVENTS} events are acknowledged" unless tally.acknowledged == EVENTS
raise 'no call failed: nothing was in the middle of anything' if tally.failed_calls.zero?

counts = sql(dsn, <<~SQL)
  SELECT count(DISTINCT e.event_id), count(*), count(DISTINCT (r.event_uid, r.subscription_id))
  FROM cievents.events e JOIN cievents.pipeline_requests r USING (event_uid) WHERE e.source = '#{SOURCE}'
SQL
raise "events, requests, different requests: #{counts}" unless counts == ([EVENTS] * 3).join('|')

puts "ruby retries: ok, #{EVENTS} events, #{tally.failed_calls} calls failed and were repeated"
