import AgentLink
import Primitives

/// Task 8: a login user's shell over a stream (`agent-link.md` 3, Terminal).
enum TerminalSession {
    /// The first of these that this machine has.
    static let shells = ["zsh", "fish", "bash", "sh"]

    static func run(over stream: any FrameStream, environment: [String: String]) async throws {
        let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        guard let shell = shells.lazy.compactMap({ try? ExecutableSearch.resolve($0, path: path) }).first else {
            throw ProcessStartError.executableNotFound
        }
        try await run(shell, over: stream, environment: environment)
    }

    static func run(_ shell: String, over stream: any FrameStream, environment: [String: String]) async throws {
        let variables = variables(from: environment)
        let home = environment["HOME"].flatMap { (try? SafeOpen.directory(Array($0.utf8CString))) != nil ? $0 : nil }
        let terminal: PseudoTerminal
        do {
            try ProcessSlots.shared.enter()
            terminal = try await start(shell, variables, home ?? "")
        } catch let error as ProcessStartError {
            // Whoever looks at the terminal is told why there is none.
            try await stream.send(Array("\(error.text)\r\n".utf8))
            throw error
        }
        defer { ProcessSlots.shared.leave() }
        // Whichever side ends first, the shell or the gateway, ends the other.
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while let output = await terminal.read() {
                    guard (try? await stream.send(output)) != nil else { return }
                }
            }
            group.addTask {
                while let frame = try? await stream.receive() {
                    switch TerminalFrame(frame) {
                    case .input(let input): guard await terminal.write(input) else { return }
                    case .resize(let size): terminal.resize(size)
                    case nil: break
                    }
                }
            }
            await group.next()
            terminal.wake()
            group.cancelAll()
        }
        await terminal.end()
    }

    /// - Throws: ``ProcessStartError``; the slot is free again then.
    private static func start(
        _ shell: String, _ variables: [String: String], _ home: String
    ) async throws -> PseudoTerminal {
        do {
            return try await WorkerThreads.files.run {
                try PseudoTerminal.start(executable: shell, environment: variables, directory: home, size: .initial)
            }
        } catch {
            ProcessSlots.shared.leave()
            guard let error = error as? SystemCallError else { throw error }
            throw ProcessStartError(error)
        }
    }

    /// The agent's environment but for its own secret.
    static func variables(from environment: [String: String]) -> [String: String] {
        var variables = environment
        variables["NZ_CLIENT_SECRET"] = nil
        variables["TERM"] = "xterm-256color"
        return variables
    }
}
