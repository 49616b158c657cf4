import Storage

/// Exit codes of sysexits.h that this program uses.
package enum SystemExit: Int32, Sendable {
    case dataError = 65
    case noInput = 66
    case unavailable = 69
    case software = 70
    case cannotCreate = 73
    case inputOutput = 74
    case temporaryFailure = 75
    case configuration = 78
}

/// An error as the person at the terminal sees it: one line, and the code for whoever scripts it.
package struct StartFailure: Error, Sendable {
    package var text: String
    package var exit: SystemExit

    /// What this error means for the start of the program.
    package init(_ error: any Error) {
        switch error {
        case let error as ConfigurationError: self.init(error)
        case let error as StorageError: self.init(error)
        case let error as ListenerError: self.init(text: "\(error)", exit: .unavailable)
        default: self.init(text: "\(error)", exit: .software)
        }
    }

    private init(text: String, exit: SystemExit) {
        self.text = text
        self.exit = exit
    }

    private init(_ error: ConfigurationError) {
        text = error.description
        switch error {
        case .notReadable: exit = .noInput
        case .notWritable: exit = .cannotCreate
        case .notYAML, .notText, .tooLarge, .badValue: exit = .configuration
        }
    }

    private init(_ error: StorageError) {
        switch error {
        case .newerSchema(let found):
            (text, exit) = (
                "the database was written by a newer version (it has \(found)); update this program", .dataError
            )
        case .alreadyServed(let path):
            (text, exit) = ("\(path): another gateway serves this database", .temporaryFailure)
        case .leftover(let path):
            (text, exit) = (
                "\(path): the log of a database that was here, which has what its file has not; put it beside that file, "
                    + "or remove it", .dataError
            )
        case .notWritable(let path):
            (text, exit) = ("\(path): cannot be written; database and folder must be writable", .cannotCreate)
        case .notADatabase(let path):
            (text, exit) = ("\(path): no SQLite database, or damaged", .dataError)
        case .foreignDatabase(let path):
            (text, exit) = ("\(path): the database of another program", .dataError)
        case .duplicate(let field): (text, exit) = ("\(field): exists already", .dataError)
        case .notFound: (text, exit) = ("not found", .dataError)
        case .failed: (text, exit) = ("database error: \(error)", .inputOutput)
        }
    }
}
