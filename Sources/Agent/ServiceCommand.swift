import AgentRuntime
import Arguments
import Glibc

/// Makes the agent a service of this machine.
enum ServiceCommand {
    private static let unitFolder = Option(
        "--unit-dir", help: "Where systemd looks for units.", default: "/etc/systemd/system")
    private static let user = Option("--user", help: "The user to run as; without it, root.")

    static let command = Command(
        "service", "Install or remove a systemd unit.",
        subcommands: [
            Command(
                "install", "Write the unit and say how to start it.",
                options: [configurationOption.row, unitFolder.row, user.row], work: install),
            Command("uninstall", "Remove the unit.", options: [unitFolder.row], work: uninstall),
        ])

    @Sendable
    private static func install(_ given: ParsedArguments) async throws {
        let unit = SystemdUnit(directory: try given.value(unitFolder))
        let configuration = try given.value(configurationOption)
        let before = unit.contents
        try failing {
            let path = try unit.install(
                program: ownPath ?? CommandLine.arguments[0], configuration: configuration, user: given[user])
            try answer("wrote \(path)\nstart it with: systemctl daemon-reload && systemctl enable --now nezha-agent") {
                unit.putBack(before)
            }
        }
    }

    @Sendable
    private static func uninstall(_ given: ParsedArguments) async throws {
        let unit = SystemdUnit(directory: try given.value(unitFolder))
        let before = unit.contents
        try failing {
            let path = try unit.uninstall()
            try answer("removed \(path)\nstop it with: systemctl disable --now nezha-agent; systemctl daemon-reload") {
                unit.putBack(before)
            }
        }
    }

    /// Of the running program, however it was started.
    private static var ownPath: String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
        guard count > 0, count < bytes.count else { return nil }
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
