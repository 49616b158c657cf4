import Glibc
import Primitives

/// One running program, seen from the thread that watches it; never leaves that thread.
final class ProcessWatch {
    private let process: SpawnedProcess
    private let wake: WakePipe
    private let start = ContinuousClock.now
    private let deadline: ContinuousClock.Instant
    /// Our ends of the pipes; -1 when closed.
    private var stdin: Int32
    private var stdout: Int32
    private var stderr: Int32
    private var input: ArraySlice<UInt8>
    private var output: CappedBuffer
    private var errors: CappedBuffer
    /// Why the group was killed, and when waiting for its end is over.
    private var forced: (end: ProcessOutcome.End, giveUp: ContinuousClock.Instant)?

    /// Starts the program.
    /// - Parameter wake: woken when the program is to be stopped.
    /// - Throws: ``ProcessStartError``.
    static func start(_ request: ProcessRequest, wake: WakePipe) throws(ProcessStartError) -> ProcessWatch {
        var pipes = Pipes()
        defer { pipes.close() }
        do throws(SystemCallError) {
            pipes.stdout = try Descriptor.pipe()
            if request.keepsStandardError { pipes.stderr = try Descriptor.pipe() }
            if !request.stdin.isEmpty { pipes.stdin = try Descriptor.pipe() }
            let process = try SpawnedProcess.start(
                executable: request.executable, arguments: request.arguments, environment: request.environment,
                directory: request.directory,
                streams: .init(stdin: pipes.stdin?.reader, stdout: pipes.stdout?.writer, stderr: pipes.stderr?.writer))
            return ProcessWatch(process, request, wake, &pipes)
        } catch {
            throw ProcessStartError(error)
        }
    }

    private init(_ process: consuming SpawnedProcess, _ request: ProcessRequest, _ wake: WakePipe, _ pipes: inout Pipes)
    {
        self.process = process
        self.wake = wake
        deadline = start + request.timeout
        input = request.stdin[...]
        output = CappedBuffer(limit: request.outputLimit)
        errors = CappedBuffer(limit: request.outputLimit)
        (stdin, stdout, stderr) = pipes.takeOurs()
    }

    deinit {
        Self.close(&stdin)
        Self.close(&stdout)
        Self.close(&stderr)
    }

    private static func close(_ descriptor: inout Int32) {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Blocks until the program is gone and all its output is read, as far as the rules of ``ProcessRunner`` go.
    func run() -> ProcessOutcome {
        let end = waitForEnd()
        return ProcessOutcome(end: end, stdout: output, stderr: errors, duration: ContinuousClock.now - start)
    }

    private func waitForEnd() -> ProcessOutcome.End {
        while true {
            poll(until: forced?.giveUp ?? deadline, watchesChild: true)
            if process.hasEnded() {
                // Before the leader is reaped: until then its number, and so the group's, is surely ours.
                process.killGroup()
                let end = process.reap()
                drain()
                return forced?.end ?? end
            }
            let now = ContinuousClock.now
            if let forced {
                if now >= forced.giveUp {
                    // It hangs in the kernel. When it comes out it still has to be taken from the process table.
                    Children.abandon(process.pid)
                    return .stuck
                }
            } else if let end: ProcessOutcome.End = wake.isWoken ? .cancelled : now >= deadline ? .timedOut : nil {
                process.killGroup()
                forced = (end, now + ProcessRunner.killGrace)
            }
        }
    }

    /// Reads what is left. After a kill that is what the pipes hold; else their ends are awaited for a while.
    private func drain() {
        Self.close(&stdin)
        let grace = forced == nil ? ProcessRunner.drainGrace : .zero
        let end = ContinuousClock.now + grace
        while stdout >= 0 || stderr >= 0 {
            poll(until: end, watchesChild: false)
            if ContinuousClock.now >= end { break }
        }
    }

    /// Waits for bytes, room, the child's end or a wake, and moves the bytes.
    private func poll(until end: ContinuousClock.Instant, watchesChild: Bool) {
        var milliseconds = Int32(clamping: (end - ContinuousClock.now).timerMilliseconds)
        // Without a descriptor for the child its end has to be looked for.
        if watchesChild, process.watch < 0 { milliseconds = min(milliseconds, 10) }
        var polled = [
            pollfd(fd: stdout, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stderr, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stdin, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: watchesChild ? process.watch : -1, events: Int16(POLLIN), revents: 0),
            // Once told to stop there is nothing more to be told.
            pollfd(fd: forced == nil && watchesChild ? wake.descriptor : -1, events: Int16(POLLIN), revents: 0),
        ]
        guard unsafe Glibc.poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return }
        if polled[0].revents != 0, !Self.read(stdout, into: &output) { Self.close(&stdout) }
        if polled[1].revents != 0, !Self.read(stderr, into: &errors) { Self.close(&stderr) }
        if polled[2].revents != 0 { feed() }
    }

    /// - Returns: Whether more may come.
    private static func read(_ source: Int32, into buffer: inout CappedBuffer) -> Bool {
        do throws(SystemCallError) {
            let piece = try Descriptor.read(source, limit: 65536)
            buffer.append(piece)
            return !piece.isEmpty
        } catch {
            return error.code == EAGAIN
        }
    }

    /// A program that reads no more has closed its end; that is its own affair.
    private func feed() {
        let target = stdin
        let count = unsafe input.prefix(65536).withUnsafeBytes { unsafe Glibc.write(target, $0.baseAddress, $0.count) }
        if count >= 0 {
            input = input.dropFirst(count)
            if input.isEmpty { Self.close(&stdin) }
        } else if errno != EAGAIN, errno != EINTR {
            Self.close(&stdin)
        }
    }
}

/// The pipes of a program about to start, until each end has found its owner.
private struct Pipes {
    typealias Ends = (reader: Int32, writer: Int32)

    var stdin: Ends?
    var stdout: Ends?
    var stderr: Ends?

    /// Our ends, which do not block; the caller closes them.
    mutating func takeOurs() -> (stdin: Int32, stdout: Int32, stderr: Int32) {
        let ours = (stdin?.writer ?? -1, stdout?.reader ?? -1, stderr?.reader ?? -1)
        for descriptor in [ours.0, ours.1, ours.2] where descriptor >= 0 {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        }
        stdin?.writer = -1
        stdout?.reader = -1
        stderr?.reader = -1
        return ours
    }

    /// What is left: the child's ends, and all of them when there is no child.
    func close() {
        for ends in [stdin, stdout, stderr].compactMap(\.self) {
            if ends.reader >= 0 { Glibc.close(ends.reader) }
            if ends.writer >= 0 { Glibc.close(ends.writer) }
        }
    }
}
