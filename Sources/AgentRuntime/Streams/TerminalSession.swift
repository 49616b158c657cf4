import AgentLink

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
        let home = environment["HOME"].flatMap { (try? SafeOpen.directory($0)) != nil ? $0 : nil }
        let terminal = try await WorkerThreads.files.run {
            try PseudoTerminal.start(
                executable: shell, environment: variables, directory: home ?? "", size: .initial)
        }
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

    /// The agent's environment but for its own secret.
    static func variables(from environment: [String: String]) -> [String: String] {
        var variables = environment
        variables["NZ_CLIENT_SECRET"] = nil
        variables["TERM"] = "xterm-256color"
        return variables
    }
}
