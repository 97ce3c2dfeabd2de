using System.Diagnostics;
using System.Globalization;
using System.Text;
using Linux.Abi;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Criu.Cli.Reporting;

/// <summary>
/// The log in CRIU's form: <c>(00.001234) Error (area): text</c>, with the seconds since the start; information has no word before it. The area is the
/// name of the event, where it has one. Lines are written whole, by one call each, so threads and other programs can write the same file.
/// </summary>
internal sealed class LogWriter : ILogger, IDisposable
{
    private const string Continuation = "\n             ";
    private readonly long start;
    private readonly LogLevel least;
    private readonly SafeFileHandle? file;

    /// <param name="start">When the process started, in ticks of <see cref="Stopwatch"/>.</param>
    /// <param name="verbosity">CRIU's: 0 quiet, 1 errors, 2 warnings, 3 information, 4 debug. Errors are always written.</param>
    /// <param name="file">Where to; null: standard error.</param>
    public LogWriter(long start, int verbosity, SafeFileHandle? file)
    {
        (this.start, this.file) = (start, file);
        least = verbosity switch { < 2 => LogLevel.Error, 2 => LogLevel.Warning, 3 => LogLevel.Information, 4 => LogLevel.Debug, _ => LogLevel.Trace };
    }

    /// <summary>Where the lines go.</summary>
    public int Descriptor => file?.Fd() ?? StandardStream.Error;

    public bool IsEnabled(LogLevel level) => level >= least && level != LogLevel.None;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Log<TState>(LogLevel level, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(level))
            Write(level, eventId.Name, formatter(state, exception));
    }

    public void Write(LogLevel level, string? area, string text)
    {
        if (!IsEnabled(level))
            return;
        string word = Word(level), where = area == null ? "" : $"({area}): ";
        Put($"{Stamp()} {(word.Length == 0 && area != null ? $"{area}: " : word + where)}{text.Replace("\n", Continuation, StringComparison.Ordinal)}\n");
        if (file != null && level >= LogLevel.Error)
            StandardStream.WriteError($"{word}{where}{text}\n");
    }

    /// <summary>What belongs into the log only, however serious.</summary>
    public void Detail(string text) => Put($"{Stamp()} {text.Replace("\n", Continuation, StringComparison.Ordinal)}\n");

    public void Dispose() => file?.Dispose();

    private static string Word(LogLevel level) => level >= LogLevel.Error ? "Error " : level == LogLevel.Warning ? "Warn  " : "";

    private string Stamp()
    {
        long microseconds = (long)Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        return string.Create(CultureInfo.InvariantCulture, $"({microseconds / 1_000_000:00}.{microseconds % 1_000_000:000000})");
    }

    private void Put(string line) => StandardStream.Write(Descriptor, Encoding.UTF8.GetBytes(line));
}
