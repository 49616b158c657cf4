import FoundationEssentials
import Glibc
import Primitives

/// The systemd unit of the agent.
package struct SystemdUnit: Sendable {
    package static let fileName = "nezha-agent.service"

    private let directory: String

    /// - Parameter directory: where systemd looks for units.
    package init(directory: String) {
        self.directory = directory
    }

    private var path: String { "\(directory)/\(Self.fileName)" }

    /// What the unit says; `nil` where there is none.
    package var contents: [UInt8]? { try? AtomicFile.read(path, limit: 1 << 20) }

    /// Takes back what was done to it, as far as that can be done.
    /// - Parameter contents: what it said before.
    package func putBack(_ contents: [UInt8]?) {
        if let contents { try? AtomicFile.write(contents, to: path, mode: 0o644) } else { unsafe unlink(path) }
    }

    /// Writes the unit, replacing an older one.
    /// - Returns: Its path.
    package func install(
        program: String, configuration: String, user: String?
    ) throws(ConfigurationError) -> String {
        if let user, !user.utf8.allSatisfy({ Self.isNameByte($0) }) || user.isEmpty {
            throw .invalid(key: "user", value: user, expected: "the name of a user")
        }
        let text = Self.text(program: Self.absolute(program), configuration: Self.absolute(configuration), user: user)
        do {
            try AtomicFile.write(Array(text.utf8), to: path, mode: 0o644)
        } catch {
            throw .unwritable(path: path, reason: error.reason)
        }
        return path
    }

    /// - Returns: The path that is free now.
    package func uninstall() throws(ConfigurationError) -> String {
        guard unsafe unlink(path) == 0 else {
            if errno == ENOENT { throw .notFound(path: path) }
            throw .unwritable(path: path, reason: SystemCallError.last.reason)
        }
        return path
    }

    static func text(program: String, configuration: String, user: String?) -> String {
        """
        [Unit]
        Description=Nezha agent
        After=network-online.target
        Wants=network-online.target

        [Service]
        ExecStart=\(quote(program)) run -c \(quote(configuration))
        \(user.map { "User=\($0)\n" } ?? "")Restart=always
        RestartSec=5
        # The agent ends its streams and commands by itself before that.
        TimeoutStopSec=20
        # A configuration that cannot work does not get better by starting again.
        RestartPreventExitStatus=64 66 78

        [Install]
        WantedBy=multi-user.target

        """
    }

    /// One argument as systemd reads it: quoted, with `%` and `$` doubled because they would be expanded.
    private static func quote(_ argument: String) -> String {
        var text = "\""
        for character in argument {
            switch character {
            case "\\", "\"": text += "\\\(character)"
            case "%": text += "%%"
            case "$": text += "$$"
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
        return text + "\""
    }

    /// From the root on, without `.` and `..`; links stay as they are.
    private static func absolute(_ path: String) -> String {
        let slash = UInt8(ascii: "/")
        let whole = path.utf8.first == slash ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
        var parts: [Substring.UTF8View] = []
        for part in whole.utf8.split(separator: slash) where !part.elementsEqual(".".utf8) {
            if !part.elementsEqual("..".utf8) { parts.append(part) } else if !parts.isEmpty { parts.removeLast() }
        }
        return "/" + parts.map { String(Substring($0)) }.joined(separator: "/")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }
}
