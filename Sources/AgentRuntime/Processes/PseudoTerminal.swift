import AgentLink
import CLinux
import Glibc
import Primitives
import Transport

/// A program behind a pseudo terminal, leader of a session whose controlling terminal that is.
///
/// Reading and writing wait on threads, one of each at a time; ``wake()`` ends both waits.
final class PseudoTerminal: Sendable {
    /// Agents send frames of at most this size.
    static let maxRead = 32 * 1024

    private let master: Descriptor
    private let process: SpawnedProcess
    private let wakePipe: WakePipe
    private let threads = WorkerThreads(limit: 2)

    static func start(
        executable: String, environment: [String: String], directory: String, size: TerminalSize
    ) throws(SystemCallError) -> PseudoTerminal {
        var path = [CChar](repeating: 0, count: 128)
        let master = Descriptor(owning: try retryingInterrupts { unsafe linux_open_pty(&path, path.count) })
        master.setNonBlocking()
        _ = linux_set_terminal_size(master.raw, UInt16(size.rows), UInt16(size.columns))
        let wake = try WakePipe()
        let end = path.firstIndex(of: 0) ?? path.endIndex
        let name = executable[...].pieces(by: UInt8(ascii: "/")).last.map(String.init) ?? executable
        let process = try SpawnedProcess.start(
            executable: executable, arguments: [name], environment: environment, directory: directory,
            streams: .init(terminal: String(decoding: path[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self)))
        return PseudoTerminal(master, process, wake)
    }

    private init(_ master: consuming Descriptor, _ process: consuming SpawnedProcess, _ wake: WakePipe) {
        self.master = master
        self.process = process
        wakePipe = wake
    }

    func resize(_ size: TerminalSize) {
        _ = linux_set_terminal_size(master.raw, UInt16(size.rows), UInt16(size.columns))
    }

    /// Ends every wait, now and later.
    func wake() {
        wakePipe.wake()
    }

    /// The next output; `nil` when the session has closed the terminal or after ``wake()``.
    func read() async -> [UInt8]? {
        await withTaskCancellationHandler {
            await threads.run { self.readBlocking() }
        } onCancel: {
            wake()
        }
    }

    /// - Returns: Whether all was written; `false` when the terminal has gone or after ``wake()``.
    func write(_ bytes: [UInt8]) async -> Bool {
        await withTaskCancellationHandler {
            await threads.run { self.writeBlocking(bytes) }
        } onCancel: {
            wake()
        }
    }

    private func readBlocking() -> [UInt8]? {
        var output: [UInt8] = []
        while output.count < Self.maxRead {
            // What is there already goes out together; only for the first bytes is it worth to wait.
            if output.isEmpty, !waitFor(POLLIN) { return nil }
            do {
                let piece = try master.read(limit: Self.maxRead - output.count)
                if piece.isEmpty { break }
                output += piece
            } catch {
                // EIO is how Linux says that nobody has the other end open any more.
                if error.code == EAGAIN, output.isEmpty { continue }
                break
            }
        }
        return output.isEmpty ? nil : output
    }

    private func writeBlocking(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard waitFor(POLLOUT) else { return false }
            do {
                rest = rest.dropFirst(try master.write(rest))
            } catch {
                if error.code != EAGAIN { return false }
            }
        }
        return true
    }

    /// - Returns: `false` after ``wake()``, and when the shell has ended and left nothing to be read: what it started may
    ///   hold the terminal open for ever.
    private func waitFor(_ event: Int32) -> Bool {
        while true {
            var polled = [
                pollfd(fd: master.raw, events: Int16(event), revents: 0),
                pollfd(fd: wakePipe.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: process.watch, events: Int16(POLLIN), revents: 0),
            ]
            // Without a descriptor for the shell its end has to be looked for.
            let count = unsafe poll(&polled, nfds_t(polled.count), process.watch < 0 ? 200 : -1)
            if count < 0 { continue }
            if polled[1].revents != 0 { return false }
            if polled[0].revents != 0 { return true }
            if process.hasEnded() { return false }
        }
    }

    /// Tells the session that its terminal has gone, as a closed window does; what does not go by itself is killed.
    func end() async {
        wake()
        await threads.run { self.endBlocking() }
    }

    private func endBlocking() {
        process.hangUpGroup()
        if !waitForEnd(milliseconds: 1000) {
            process.killGroup()
            if !waitForEnd(milliseconds: 2000) {
                return Children.abandon(process.pid)
            }
        }
        process.killGroup()
        _ = process.reap()
    }

    private func waitForEnd(milliseconds: Int) -> Bool {
        for _ in 0..<(milliseconds / 10) {
            if process.hasEnded() { return true }
            usleep(10_000)
        }
        return process.hasEnded()
    }
}
